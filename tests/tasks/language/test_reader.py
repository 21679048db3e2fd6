"""A file becomes a corpus: what is held out is exact, and the vocabulary never saw it."""

import numpy as np
import pytest

from unroll.data.table import find_line_columns
from unroll.data.text import text_source
from unroll.errors import UserError
from unroll.tasks.language.reader import learn_vocabulary, read_corpus, read_text
from unroll.tasks.language.settings import LanguageSettings


@pytest.fixture
def read(tmp_path):
    def read(content, name="a.txt", **options):
        (tmp_path / name).write_text(content)
        return read_corpus(tmp_path / name, LanguageSettings(**options))

    return read


def texts(corpus):
    return [corpus.vocabulary.decode(part.ids[1:]) for part in (corpus.train, corpus.valid)]


@pytest.mark.parametrize("n", [99, 100, 101, 109, 1234])
def test_the_last_tenth_of_characters_is_held_out_as_nanogpt_cuts(read, n):
    text = "".join("abcdefgh\n"[(k * k) % 9] for k in range(n))
    corpus = read(text, valid_size=1000)
    assert texts(corpus) == [text[: int(0.9 * n)], text[int(0.9 * n) :]]
    assert corpus.validation_set == "the last tenth" and corpus.valid.unknown == 0


def test_the_vocabulary_never_saw_the_held_out_part(read):
    corpus = read("ab" * 45 + "cc" * 5, valid_size=10, unknown="token")
    assert corpus.vocabulary.characters == "ab"
    assert corpus.valid.unknown == 10 and corpus.valid.unknown_rate == 1.0


@pytest.mark.parametrize("level", ["word", "bpe"])
def test_words_are_not_cut_in_two(read, level):
    text = "".join(f"word{k % 7} and more\n" for k in range(100))
    corpus = read(text, level=level, min_count=1)
    train, valid = texts(corpus)
    assert (train + valid).strip() == text.strip() and train.endswith("\n")
    assert 0 <= corpus.train.characters - 0.9 * len(text) < 20


def test_every_tenth_line_is_held_out_per_line(read):
    rows = [f"line {k + 90}" for k in range(25)]
    corpus = read("\n\n".join(rows), per_line=True)
    validation_set = "".join(rows[9::10])
    assert texts(corpus)[1] == validation_set and corpus.validation_set == "every tenth line"
    assert len(corpus.train.starts) == 23 and len(corpus.valid.starts) == 2


@pytest.mark.parametrize("per_line", [False, True])
def test_a_held_out_file_leaves_the_whole_text_to_learn(read, tmp_path, per_line):
    (tmp_path / "v.txt").write_text("bbcb")
    corpus = read("abba" * 9, valid=str(tmp_path / "v.txt"), per_line=per_line, unknown="token")
    assert texts(corpus)[0] == "abba" * 9 and corpus.valid.unknown == 1
    assert corpus.validation_set == str(tmp_path / "v.txt")
    # another held-out file is another corpus
    before = corpus.sha256
    (tmp_path / "v.txt").write_text("a")
    changed = read("abba" * 9, valid=str(tmp_path / "v.txt"), per_line=per_line)
    assert changed.sha256 != before and changed.valid.tokens == 1 + per_line


def test_categories_are_sorted_and_numbered(read):
    rows = [f"name{k}\t{'mf'[k % 2]}" for k in range(40)]
    corpus = read("\n".join(rows), per_line=True, condition="2")
    assert corpus.categories == ["f", "m"]
    expected = [1 - k % 2 for k in range(40) if k % 10 != 9]
    assert np.asarray(corpus.train.categories).tolist() == expected
    assert "\t" not in corpus.vocabulary.characters


def test_a_category_of_held_out_lines_alone_is_refused(read):
    rows = [f"name{k}\t{'new' if k == 19 else 'mf'[k % 2]}" for k in range(40)]
    with pytest.raises(UserError, match="category 'new' is only in the validation set"):
        read("\n".join(rows), per_line=True, condition="2")


@pytest.mark.parametrize(
    "options", [{}, {"per_line": True}, {"level": "word"}], ids=["stream", "lines", "words"]
)
def test_a_text_of_one_character_can_be_learned(read, options):
    corpus = read("a", **options)
    assert corpus.valid is corpus.train and not corpus.held_out and corpus.train.tokens >= 1
    assert corpus.validation_set == "the training set" and corpus.vocabulary.unknown_id is None


def test_a_text_without_words_is_refused(read):
    with pytest.raises(UserError, match="too short"):
        read("  ", level="word")


def test_a_vocabulary_that_is_given_is_kept(read, tmp_path):
    first = read("ab" * 50, unknown="token")
    (tmp_path / "b.txt").write_text("bc" * 50)
    again = read_corpus(tmp_path / "b.txt", LanguageSettings(), first.preprocessor)
    assert again.vocabulary is first.vocabulary and again.train.unknown == 45


@pytest.mark.parametrize(
    ("text", "split", "words"),
    [
        ("the cat , it sat .\n" * 2, "spaces", [",", ".", "cat", "it", "sat", "the"]),
        ("The cat, it sat.\nOnce.\n", "punctuation", ["￭."]),  # once is too rare by itself
        ("a <unk> , b .", "spaces", [",", ".", "a", "b"]),  # but not where rare ones are marked
    ],
)
def test_words_are_cut_as_the_text_looks(text, split, words):
    vocabulary = learn_vocabulary(lambda: iter([text]), LanguageSettings(level="word"))
    assert vocabulary.split == split and sorted(vocabulary.words) == words


def test_a_further_text_is_read_in_the_vocabulary_of_the_run(read, tmp_path):
    corpus = read("ab" * 50, unknown="token")
    (tmp_path / "b.txt").write_text("abc")
    assert read_text(text_source(tmp_path / "b.txt"), corpus.vocabulary).ids.tolist() == [
        1,
        2,
        3,
        0,
    ]
    (tmp_path / "t.tsv").write_text("ab\tm\na\tf\n")
    columns = find_line_columns(text_source(tmp_path / "t.tsv"), "2", None)
    options = {"columns": columns, "per_line": True}
    for categories in (["f", "m"], ["m", "f"]):
        encoded = read_text(
            text_source(tmp_path / "t.tsv"), corpus.vocabulary, categories=categories, **options
        )
        assert encoded.categories.tolist() == [categories.index("m"), categories.index("f")]
    with pytest.raises(UserError, match="category 'm', which is not among those of the run"):
        read_text(text_source(tmp_path / "t.tsv"), corpus.vocabulary, categories=["f"], **options)


def test_little_of_a_long_text_is_held_out(read):
    corpus = read("abcd" * 100, valid_size=30)
    assert corpus.valid.tokens == 30 and corpus.train.tokens == 370
    assert corpus.validation_set == "the last 30 characters"
    lines = read("abc\n" * 100, per_line=True, valid_size=20)
    assert lines.validation_set == "one line in 20" and len(lines.valid.starts) == 5


def test_a_run_that_recorded_no_size_has_held_out_a_tenth(read, tmp_path):
    text = "ab" * 500_000
    first = read(text, valid_size=1000)
    assert first.valid.tokens == 1000
    old = read_corpus(tmp_path / "a.txt", LanguageSettings(), first.preprocessor)
    assert old.valid.tokens == 100_000 and old.validation_set == "the last tenth"
    new = read_corpus(tmp_path / "a.txt", LanguageSettings())
    assert new.valid.tokens == 40_000


def test_hello_has_four_tokens_and_a_start_that_is_never_predicted(read):
    for text in ("hello", "hello\n"):
        corpus = read(text)
        assert corpus.vocabulary.characters == "ehlo" and len(corpus.vocabulary) == 4
        assert corpus.train.ids.tolist() == [4, 1, 0, 2, 2, 3]  # start, h, e, l, l, o
        assert corpus.train.tokens == 5 and corpus.train.unknown == 0
    # a line end inside the text is a character, and then the last one is, too
    assert texts(read("he\nlo\n"))[0] == "he\nlo\n"
    assert read("\n").vocabulary.characters == "\n"


def test_two_lines_of_hello_end_with_a_line_end(read):
    corpus = read("hello\nhello\n", per_line=True)
    assert corpus.train.ids.tolist() == [4, 1, 0, 2, 2, 3, 4, 1, 0, 2, 2, 3, 4]
    assert len(corpus.vocabulary) == 5 and corpus.vocabulary.name(4) == "\n"
    assert corpus.train.starts.tolist() == [0, 6] and not corpus.held_out


def test_a_closed_alphabet_has_the_characters_of_both_sets(read, tmp_path):
    corpus = read("ab" * 45 + "cc" * 5, valid_size=10, unknown="never")
    assert corpus.vocabulary.characters == "abc" and corpus.valid.unknown == 0
    (tmp_path / "v.txt").write_text("d\n")
    assert read("ab", valid=str(tmp_path / "v.txt")).vocabulary.characters == "abd"
    assert read("ab" * 4999 + "\n").vocabulary.unknown_id is None
    assert read("ab" * 5000 + "\n").vocabulary.unknown_id == 0


@pytest.mark.parametrize("level", ["char", "word"])
def test_unknown_tokens_of_a_closed_vocabulary_are_refused_or_left_out(read, tmp_path, level):
    (tmp_path / "b.txt").write_text("a z b\n")
    source = text_source(tmp_path / "b.txt")
    closed = read("a b a b", level=level, unknown="never").vocabulary
    with pytest.raises(UserError, match=r"'z'.*unknown=token"):
        read_text(source, closed)
    skips = read("a b a b", level=level, unknown="skip").vocabulary
    assert skips.decode(read_text(source, skips).ids).split() == ["a", "b"]


def test_words_of_a_closed_vocabulary_are_all_known(read):
    corpus = read("once upon a time\n", level="word")
    assert corpus.vocabulary.words == ["a", "once", "time", "upon"] and corpus.train.unknown == 0
    assert corpus.vocabulary.name(0) == "<eos>" and len(corpus.vocabulary) == 5
    # as many lines as are held out of
    assert read("once upon a time\n" * 100, level="word").vocabulary.unknown_id == 0


@pytest.mark.parametrize("options", [{}, {"per_line": True}, {"level": "word"}])
def test_other_data_of_a_resumed_run_is_read_and_known_by_its_hash(read, tmp_path, options):
    first = read("ab a", **options)
    (tmp_path / "b.txt").write_text("zb a")
    recorded = LanguageSettings(valid_size=0, **options)
    again = read_corpus(tmp_path / "b.txt", recorded, first.preprocessor)
    assert again.sha256 != first.sha256 and again.vocabulary is first.vocabulary
