"""Pairs of texts: what is read, and what is reported about files with mistakes."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.translate.pair_columns import PairNames
from unroll.tasks.translate.pairs import open_further_pairs, open_pairs

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


def test_a_heading_of_languages_with_more_words_is_seen():
    assert read("English sentence\tFrench sentence\n" + GOOD)[0] == read(GOOD)[0]
    rows = "".join(f'"{a}","{b}"\n' for a, b in read(GOOD)[0])
    found = read('"English words/sentences","French words/sentences"\n' + rows, "pairs.csv")
    assert found[0] == read(GOOD)[0]
    assert "French words/sentences" in open_pairs("pairs.csv").describe()


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
    (b"Run!\tCourez !\nStop!\t\0\nWait!\tAttends !\n", "line 2: a NUL byte"),
]


@pytest.mark.parametrize(("data", "said"), BAD, ids=[said for _, said in BAD])
def test_a_bad_record_is_named_with_its_line_or_skipped(data, said):
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
        ({"target": "german"}, "--target got 'german'"),
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


ROWS = [("Run!", "Courez !"), ("Stop, now!", "Stop !"), ("Wait!", "Attends, toi !")]


def as_csv(*names, separator=","):
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([*([names] if names else []), *ROWS])
    return out.getvalue()


def as_json(make):
    return "".join(
        json.dumps(make(n, *row), ensure_ascii=False) + "\n" for n, row in enumerate(ROWS)
    )


FORMS = {
    "plain.csv": as_csv(),
    "languages.csv": as_csv("en", "fr"),
    "words.csv": as_csv("source", "target"),
    "semicolons.csv": as_csv("English", "French", separator=";"),
    "pipes.txt": as_csv("src", "tgt", separator="|"),
    "fields.jsonl": as_json(lambda n, a, b: {"id": n, "en": a, "fr": b}),
    "opus.jsonl": as_json(lambda n, a, b: {"id": str(n), "translation": {"en": a, "fr": b}}),
    "backwards.jsonl": as_json(lambda n, a, b: {"target": b, "source": a}),
    "list.json": json.dumps([{"input": a, "output": b} for a, b in ROWS]),
    "lists.json": json.dumps(ROWS),
    "tatoeba.txt": "".join(f"{a}\t{b}\tCC-BY 2.0 (France) #{n}\n" for n, (a, b) in enumerate(ROWS)),
    "export.tsv": "".join(f"{n}\t{a}\t{n + 7}\t{b}\n" for n, (a, b) in enumerate(ROWS)),
    "header.tsv": "en\tfr\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_same_pairs_in_every_form(name):
    assert read(FORMS[name], name)[0] == ROWS
    file = open_pairs(name)
    assert file.sha256() == open_pairs(name).sha256()
    assert file.describe().endswith("not read") == (
        name in ("fields.jsonl", "tatoeba.txt", "export.tsv")
    )


def test_columns_of_tables_are_chosen_by_name_and_number():
    backwards = [(b, a) for a, b in ROWS]
    for name in ("languages.csv", "fields.jsonl", "opus.jsonl"):
        assert read(FORMS[name], name, source="fr", target="en")[0] == backwards
    assert read(FORMS["plain.csv"], "plain.csv", source="2", target="1")[0] == backwards
    assert open_pairs("fields.jsonl").describe() == (
        "columns en and fr of fields.jsonl, column id is not read"
    )
    with pytest.raises(UserError, match="no two columns that must be sources and targets"):
        read('{"a": "x", "b": "y", "c": "z"}\n' * 3, "abc.jsonl")


def test_a_table_without_a_row_that_can_be_read():
    with pytest.raises(UserError, match=r"holds no pair.*\n.*\n.*line 1: not JSON"):
        read('{"source": \n', "broken.jsonl")


def test_bad_records_of_tables():
    for name, text, said in (
        ("a.jsonl", as_json(lambda n, a, b: {"en": a, "fr": b}) + '{"en": "x"}\n', "the target is"),
        ("a.csv", as_csv("en", "fr") + "x\n", "1 column where the first rows have 2"),
    ):
        with pytest.raises(UserError, match=said):
            read(text, name)
        pairs, problems = read(text, name, skip=True)
        assert (pairs, problems.count) == (ROWS, 1)


def test_an_attribution_may_be_missing():
    assert read("a b\tc\tx\nd e\tf\ng h\ti\tx\n")[0] == [("a b", "c"), ("d e", "f"), ("g h", "i")]


def test_further_pairs_are_not_swapped(tmp_path):
    header, rows = ["fr", "en"], [["Courez !", "Run!"], ["Stop !", "Stop!"]]
    for name, separator in (("a.tsv", "\t"), ("a.csv", ",")):
        (tmp_path / name).write_text("\n".join(map(separator.join, [header, *rows])) + "\n")
        found = open_further_pairs(name, PairNames("en", "fr")).pairs(Problems())
        assert [pair.source for pair in found] == ["Run!", "Stop!"]
        assert open_pairs(name).column_names() == ("fr", "en")
        (tmp_path / name).write_text("\n".join(map(separator.join, rows)) + "\n")
        found = open_further_pairs(name, PairNames("en", "fr")).pairs(Problems())
        assert [pair.source for pair in found] == ["Courez !", "Stop !"]
        found = open_further_pairs(name, PairNames("en", "fr"), "2", "1").pairs(Problems())
        assert [pair.source for pair in found] == ["Run!", "Stop!"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.tsv", "source\ttarget\tbook\nRun!\tCourez !\tA\nStop!\tStop !\tB\n"),
        ("pairs.csv", "book,source,target\nA,Run!,Courez !\nB,Stop!,Stop !\n"),
        ("pairs.jsonl", '{"book": "A", "translation": {"en": "Run!", "fr": "Courez !"}}\n'
         '{"book": "B", "translation": {"en": "Stop!", "fr": "Stop !"}}\n'),
    ],
)  # fmt: skip
def test_the_group_of_a_pair(place, name, content):
    Path(name).write_text(content)
    found = list(open_pairs(name, by="book").grouped_pairs(Problems()))
    assert [(pair.source, group) for pair, group in found] == [("Run!", "A"), ("Stop!", "B")]
    with pytest.raises(UserError, match=r"--by got 'writer'"):
        open_pairs(name, by="writer")


def test_a_group_is_no_text_and_no_second_file(place):
    Path("pairs.tsv").write_text("source\ttarget\nRun!\tCourez !\n")
    with pytest.raises(UserError, match=r"--by names column target of pairs\.tsv, which is read"):
        open_pairs("pairs.tsv", by="target")
    Path("en").write_text("Run!\n")
    Path("fr").write_text("Courez !\n")
    with pytest.raises(UserError, match="have no columns"):
        open_pairs("en", target="fr", by="book")
