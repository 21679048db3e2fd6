"""Pairs: what is read, and what is said of files that are not as they should be."""

import gzip

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unroll.data.pair_batches import PairBatches, Sequences, evaluation_batches
from unroll.data.pair_preprocessor import PairPreprocessor, learn_preprocessor, load_preprocessor
from unroll.data.pairs import Pair, open_pairs
from unroll.data.problems import Problems
from unroll.data.vocabulary import BOUNDARY
from unroll.errors import UserError
from unroll.tasks.translate.reader import encode, read_corpus
from unroll.tasks.translate.settings import TranslateSettings

GOOD = "Run!\tCourez !\nStop!\tStop !\nWait!\tAttends !\n"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text, name="pairs.tsv", skip=False, **columns):
    data = text if isinstance(text, bytes) else text.encode()
    with (gzip.open if name.endswith(".gz") else open)(name, "wb") as file:
        file.write(data)
    problems = Problems(skip)
    return list(open_pairs(name, **columns).pairs(problems)), problems


def test_two_columns():
    pairs, _ = read(GOOD)
    assert pairs[1] == ("Stop!", "Stop !") and len(pairs) == 3


@pytest.mark.parametrize(
    "data",
    [
        GOOD.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD + "\n\n",
        GOOD.removesuffix("\n"),
        GOOD.replace("\t", " \t "),
    ],
    ids=["CRLF", "byte order mark", "blank lines", "no last line end", "spaces"],
)
def test_what_does_not_matter(data):
    assert read(data)[0] == read(GOOD)[0]


def test_gzip():
    assert read(GOOD, "pairs.tsv.gz")[0] == read(GOOD)[0]


def test_columns_by_number_and_by_name():
    text = "n\tfrench\tenglish\n1\tCourez !\tRun!\n2\tStop !\tStop!\n"
    named, _ = read(text, source="english", target="french")
    numbered, _ = read(text, source="3", target="2")
    assert named == [("Run!", "Courez !"), ("Stop!", "Stop !")]
    assert numbered[1:] == named  # by number the first line is a pair as any other


def test_a_heading_is_seen():
    assert read("Source\tTarget\n" + GOOD)[0] == read(GOOD)[0]


def test_two_files(place):
    (place / "a.fr").write_text("Courez !\nStop !\nAttends !\n")
    pairs, _ = read("Run!\nStop!\nWait!\n", "a.en", target="a.fr")
    assert pairs == read(GOOD)[0]


BAD = [
    ("Run!\tCourez !\nStop!\nWait!\tAttends !\n", "line 2: 1 column where the first line has 2"),
    ("Run!\tCourez !\nStop!\ta\tb\nWait!\tAttends !\n", "line 2: 3 columns"),
    ("Run!\tCourez !\n\tStop !\nWait!\tAttends !\n", "line 2: the source is empty"),
    ("Run!\tCourez !\nStop!\t \nWait!\tAttends !\n", "line 2: the target is empty"),
    (b"Run!\tCourez !\nStop!\tarr\xeate\nWait!\tAttends !\n", "line 2: not UTF-8: byte 0xEA"),
    (b"Run!\tCourez !\nStop!\t\0\nWait!\tAttends !\n", "line 2: it holds a NUL"),
]


@pytest.mark.parametrize(("data", "said"), BAD, ids=[said for _, said in BAD])
def test_a_bad_record_is_named_with_its_line_or_left_out(data, said):
    with pytest.raises(UserError, match=r"pairs\.tsv, ") as error:
        read(data)
    assert said in str(error.value) and "--skip-bad" in str(error.value)
    pairs, problems = read(data, skip=True)
    assert pairs == [("Run!", "Courez !"), ("Wait!", "Attends !")]
    assert problems.count == 1 and said in problems.messages()[1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "is empty"),
        ("one\ntwo\n", "line 1: one column"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (b"Stop!\tarr\xeate\n", "not UTF-8"),
    ],
    ids=["empty", "one column", "UTF-16", "no line is UTF-8"],
)
def test_a_file_that_is_none(data, said):
    with pytest.raises(UserError, match=said):
        read(data)


def test_files_of_different_length(place):
    (place / "a.fr").write_text("Courez !\nStop !\n")
    for source, more in (("Run!\nStop!\nWait!\n", "a.fr ends"), ("Run!\n", "a.en ends")):
        with pytest.raises(UserError, match=more):
            read(source, "a.en", target="a.fr", skip=True)


def test_columns_that_are_not_there(place):
    for columns, said in (
        ({"target": "3"}, "columns 1 to 2"),
        ({"target": "german"}, "--set target got 'german'"),
        ({"source": "2"}, "both column 2"),
    ):
        with pytest.raises(UserError, match=said):
            read(GOOD, **columns)
    (place / "folder").mkdir()
    with pytest.raises(UserError, match="folder"):
        open_pairs("folder")


@given(
    st.lists(
        st.tuples(*[st.text("ab\té'\"\r ,", min_size=0, max_size=5) for _ in range(2)]), max_size=8
    )
)
def test_any_lines_give_pairs_or_problems(rows):
    text = "".join("\t".join(row) + "\n" for row in rows)
    try:
        pairs, problems = read("x\ty\n" + text, skip=True)
    except UserError:
        return
    lines = [line for line in text.split("\n") if line.strip()]
    assert len(pairs) - 1 + problems.count == len(lines)
    assert all(pair.source and pair.target for pair in pairs)


PAIRS = [
    Pair("the red dog", "le chien rouge"),
    Pair("the cat", "le chat"),
    Pair("a dog", "un chien"),
]


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("level", ["word", "char", "bpe"])
def test_a_codec_comes_back_from_its_files(place, level, joint):
    settings = TranslateSettings(level=level, joint=joint, min_count=1)
    preprocessor = learn_preprocessor(lambda: PAIRS, settings)
    for name, data in preprocessor.files().items():
        (place / name).write_bytes(data)
    again = load_preprocessor(place)
    assert again.joint == joint and again.longest == preprocessor.longest
    for pair in PAIRS:
        assert (
            again.source.encode(pair.source).tolist()
            == preprocessor.source.encode(pair.source).tolist()
        )
        assert again.text(again.target.encode(pair.target).tolist(), []) == pair.target
    (place / "pairs.json").unlink()
    with pytest.raises(UserError, match=r"pairs\.json"):
        load_preprocessor(place)


def test_unknown_words_are_put_in_their_places():
    preprocessor = learn_preprocessor(lambda: PAIRS, TranslateSettings(level="word", min_count=1))
    ids = preprocessor.target.encode("le Rex rouge Tom").tolist()
    assert preprocessor.text(ids, ["Rex", "Tom"]) == "le Rex rouge Tom"
    assert preprocessor.text(ids, []) == "le <unk> rouge <unk>"
    assert preprocessor.source_tokens("the Rex!") == ["the", "Rex", "!", "<eos>"]


def test_batches_are_padded_little_and_every_pair_comes_once():
    draw = torch.Generator().manual_seed(1)
    sizes = torch.randint(1, 9, (2, 100), generator=draw).tolist()
    pairs = [Pair("a" * n, "b" * m) for n, m in zip(*sizes, strict=True)]
    preprocessor = PairPreprocessor(
        *[learn_preprocessor(lambda: pairs, TranslateSettings(level="char")).target] * 2, 8
    )
    encoded = encode(pairs, preprocessor)
    batches = PairBatches(encoded, 8, seed=1, forcing=0.5, forcing_epochs=2)
    assert batches.per_epoch == 13
    seen = 0
    for number in range(13):
        batch = batches.batch(number)
        again = PairBatches(encoded, 8, seed=1).batch(number)
        assert torch.equal(batch.source, again.source) and torch.equal(batch.target, again.target)
        assert batch.tokens == int(batch.weight.sum())
        assert (batch.inputs[0] == BOUNDARY).all()
        assert torch.equal(batch.inputs[1:], batch.target[:-1])
        ends = batch.weight.sum(0) - 1
        assert (batch.target.gather(0, ends[None]) == BOUNDARY).all()
        seen += batch.source.shape[1]
    assert seen == 100
    assert batches.waste() < 0.25
    assert batches.batch(0).forcing == 1 and batches.batch(13).forcing == 0.75
    assert batches.batch(300).forcing == 0.5
    rows = [row for rows, _ in evaluation_batches(encoded, 7) for row in rows]
    assert sorted(rows) == list(range(100))


def test_sequences_may_be_none_or_empty():
    assert len(Sequences([])) == 0
    some = Sequences([[1, 2], [], [3]])
    assert [some[k].tolist() for k in range(3)] == [[1, 2], [], [3]]


def corpus(place, **settings):
    rows = [f"number {n % 40}\tnombre {n % 40}\n" for n in range(80)]
    (place / "numbers.tsv").write_text("".join(rows))
    return read_corpus("numbers.tsv", TranslateSettings(level="word", min_count=1, **settings))


def test_no_source_is_in_both_parts(place):
    read = corpus(place)
    assert len(read.valid_pairs) == 8 and len(read.train) == 72
    assert {p.source for p in read.valid_pairs}.isdisjoint(p.source for p in read.known)
    assert "0 have a source that is also learned from" in read.said[-1]
    assert read.valid_pairs == corpus(place).valid_pairs


def test_duplicates_of_another_file_are_counted(place):
    (place / "valid.tsv").write_text("number 3\tnombre 3\nnumber 4\tquatre\nnumber x\tx\n")
    read = corpus(place, valid="valid.tsv")
    assert "of 3 held-out pairs 2 have a source that is also learned from, 1 with" in read.said[-1]


def test_long_pairs_are_refused_cut_or_left_out_as_asked(place):
    (place / "long.tsv").write_text("a b\tc\n" * 20 + "a b c d\te\n")
    (place / "valid.tsv").write_text("a\tb\n")
    settings = {"level": "word", "max_length": 3, "valid": "valid.tsv"}
    with pytest.raises(UserError, match="4 and 1 tokens, with max_length=3"):
        read_corpus("long.tsv", TranslateSettings(**settings))
    cut = read_corpus("long.tsv", TranslateSettings(too_long="cut", **settings))
    assert len(cut.train) == 21 and cut.train.source.lengths.max() == 3
    out = read_corpus("long.tsv", TranslateSettings(too_long="leave_out", **settings))
    assert len(out.train) == 20
    for read, word in ((cut, "cut there"), (out, "left out")):
        assert f"1 pairs are longer than 3 tokens and {word}." in read.said


def test_guess(place):
    def looks(text, name="x.tsv", **given):
        (place / name).write_text(text)
        return TranslateSettings.guess(place / name, given)

    assert "a tab between" in looks(GOOD) and looks(GOOD, "x.txt")
    assert looks("one line\nand another\n", "x.txt") is None
    assert looks("".join(f"text {n}\tgood\n" for n in range(50))) is None
    assert looks("a\tb\tc\n") is None and looks("a\tb\tc\n", target="3")
    assert looks("a,b\n", "x.csv") is None
    (place / "x.fr").write_text("a\n")
    assert "line by line" in looks("a\n", "x.en", target="x.fr")
    assert (
        TranslateSettings.guess(place / "nothing.tsv", {}) is None
        and looks(GOOD, per_line=True) is None
    )
    assert looks("", "empty.tsv") is None
