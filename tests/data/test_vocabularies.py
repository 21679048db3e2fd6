"""Text to ids and back: nothing is lost that a vocabulary promises to keep."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.data.words import END_NAME, WordVocabulary, punctuation_is_separate
from unroll.errors import UserError

BPE = BPEVocabulary.learn(["low lower lowest, newer and wider.\n" * 20], size=300)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=50))
def test_characters_come_back(text):
    vocabulary = CharacterVocabulary.learn([text])
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text and not (ids <= BOUNDARY).any()
    assert len(ids) == len(text) and len(vocabulary) == len(set(text)) + 2
    assert vocabulary.unknown(text) == []


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=50))
@example("<s> and <unk> and </s>")
@example("👩‍👩‍👧 e\u0301 \r\n\t\0  ")
def test_pieces_of_words_come_back_for_every_text(text):
    ids = BPE.encode(text)
    assert BPE.decode(ids) == text and not (ids <= BOUNDARY).any()


def one_space(text, lines=True):
    rows = text.split("\n") if lines else [text]
    return "\n".join(" ".join(row.split()) for row in rows)


@pytest.mark.parametrize("split", ["spaces", "punctuation"])
@settings(deadline=None, max_examples=60)
@given(
    text=st.text(
        st.sampled_from("aé9'\u2019.,!?-_ \t\n\u00a0\u2028￭<>\u0301") | st.characters(codec="utf-8")
    )
)
@example(text="Don't, I said: (no) — never!\n\n  Twice  ￭ ￭￭ a￭b.")
def test_words_come_back_with_single_spaces(split, text):
    vocabulary = WordVocabulary.learn([text], split=split)
    assert vocabulary.decode(vocabulary.encode(text)) == one_space(text)
    assert vocabulary.unknown(text) == []


@pytest.mark.parametrize(
    "vocabulary",
    [CharacterVocabulary("abc"), WordVocabulary(["ab", "c"])],
    ids=["characters", "words"],
)
def test_what_was_never_seen_is_the_unknown(vocabulary):
    text = {"char": "abzc\U0010ffff", "word": "ab zz c yy zz"}[vocabulary.level]
    ids = vocabulary.encode(text).tolist()
    assert ids.count(UNKNOWN) == {"char": 2, "word": 3}[vocabulary.level]
    expected = {"char": ["z", "\U0010ffff"], "word": ["yy", "zz"]}[vocabulary.level]
    assert vocabulary.unknown(text) == expected
    assert vocabulary.name(UNKNOWN) == "<unk>"


def test_unknown_words_are_named_without_the_mark_of_glue():
    assert WordVocabulary(["a"]).unknown("a, b") == [",", "b"]


@pytest.mark.parametrize("kind", [CharacterVocabulary, WordVocabulary])
def test_rare_and_surplus_tokens_are_left_out(kind):
    texts = ["a a a b b c\n"] if kind is WordVocabulary else ["aaabbc"]

    def known(vocabulary):
        return {vocabulary.name(i) for i in range(2, len(vocabulary))}

    assert known(kind.learn(texts)) == {"a", "b", "c"}
    assert known(kind.learn(texts, min_count=2)) == {"a", "b"}
    assert known(kind.learn(texts, min_count=2, size=1)) == {"a"}
    assert known(kind.learn(texts * 3, min_count=3)) == {"a", "b", "c"}  # counted over all texts


def test_bpe_has_the_size_that_was_asked_for():
    assert len(BPEVocabulary.learn(["low lower lowest, newer and wider.\n" * 20], size=270)) == 270
    # never fewer than the bytes and the two marks
    assert len(BPEVocabulary.learn(["abc"], size=2)) == 258


def test_words_can_drop_case():
    vocabulary = WordVocabulary.learn(["The THE the"], lower=True)
    assert vocabulary.words == ["the"]
    assert vocabulary.decode(vocabulary.encode("THE the")) == "the the"


def ends(text, **options):
    return " ".join(WordVocabulary([], split="spaces", **options).cut(text))


def test_line_ends_become_eos():
    assert ends("a b\nc\n") == f"a b {END_NAME} c {END_NAME}"


def test_sentences_and_blank_lines_become_eos():
    eos = END_NAME
    assert ends("a b .\nc d\n\ne ! f", end="sentence") == f"a b . {eos} c d {eos} e ! {eos} f"


def test_sentence_ends_do_not_depend_on_where_a_text_is_cut_into_pieces():
    text = "a b\nc d .\ne\n\nf\n"
    whole = ends(text, end="sentence")
    cuts = [k + 1 for k, c in enumerate(text) if c == "\n"]
    for cut in cuts:
        parts = [ends(part, end="sentence") for part in (text[:cut], text[cut:])]
        assert " ".join(filter(None, parts)) == whole


@pytest.mark.parametrize(
    "vocabulary",
    [
        CharacterVocabulary('\0\t\n\r"\\aé\u2028\x85😀'),
        WordVocabulary(["a", "é", "￭,", "\\", '"'], "punctuation", "sentence", True),
        BPE,
    ],
    ids=["characters", "words", "bpe"],
)
def test_what_is_saved_loads_as_it_was(vocabulary, tmp_path):
    for name, content in vocabulary.files().items():
        (tmp_path / name).write_bytes(content)
    loaded = load_vocabulary(tmp_path)
    text = 'A é, b "\\\n😀\r<s>\x85'
    assert loaded.level == vocabulary.level and len(loaded) == len(vocabulary)
    assert np.array_equal(loaded.encode(text), vocabulary.encode(text))
    assert loaded.files() == vocabulary.files()


def test_folders_without_a_vocabulary_that_can_be_read_are_refused(tmp_path):
    with pytest.raises(UserError, match="holds no vocabulary"):
        load_vocabulary(tmp_path)
    (tmp_path / "vocabulary.json").write_text('{"level": "syllable"}')
    with pytest.raises(UserError, match="level 'syllable'; expected one of char, word"):
        load_vocabulary(tmp_path)


def test_boundaries_stand_for_no_text():
    assert CharacterVocabulary("ab").decode([1, 2, 1, 3]) == "ab"
    assert BPE.decode([1, *BPE.encode("low"), 1]) == "low"
    assert WordVocabulary(["a", "b"]).decode([2, 1, 3]) == "a\nb"


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("the cat , it said , sat .", True),
        ("The cat, it said, sat. At 5.30.", False),
        ("no marks at all", False),
        ("", False),
    ],
)
def test_tokenised_texts_are_recognised(text, alone):
    assert punctuation_is_separate(text) is alone
