"""Tables, JSON lines and folders as labelled records: whatever is in them comes out, or is told."""

import csv
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.data.problems import Problems
from unroll.data.records import find_table, folder_texts, labelled_texts
from unroll.errors import UserError


def records(path, separator=None, skip=False, **columns):
    problems = Problems(skip)
    found = list(labelled_texts(find_table(path, **columns), problems, separator))
    return [(r.value, *r.labels) for r in found], problems


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


cell = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(cell, st.sampled_from(["yes", "no", "it's, well"])), min_size=1))
def test_what_was_written_as_csv_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    found, problems = records(path, skip=True)
    assert found == [(text.strip(), label) for text, label in rows if text.strip()]
    assert problems.count == sum(not text.strip() for text, _ in rows)


@given(st.lists(st.tuples(cell, st.lists(cell.filter(str.strip), max_size=3)), min_size=1))
def test_what_was_written_as_json_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "data.jsonl"
    lines = [json.dumps({"text": "x", "label": ["a"]})]
    lines += [json.dumps({"label": labels, "text": text}) for text, labels in rows]
    path.write_text("\n".join(lines))
    found, _ = records(path, skip=True)
    expected = [
        (text.strip(), *dict.fromkeys(each.strip() for each in labels))
        for text, labels in rows
        if text.strip()
    ]
    assert found[1:] == expected


@given(st.text(st.sampled_from('a",\n\r\t é'), max_size=60))
def test_any_text_is_read_or_told_with_its_line(tmp_path_factory, body):
    path = write(tmp_path_factory.mktemp("any") / "data.csv", "text,label\nfine,a\n" + body)
    found, problems = records(path, skip=True)
    assert found[0] == ("fine", "a")
    for sentence in problems.messages()[1:]:
        assert "data.csv, line " in sentence or "more." in sentence


FINE = [("one", "a"), ("two", "b")]


@pytest.mark.parametrize(
    "name,content",
    [
        ("t.csv", "text,label\none,a\ntwo,b\n"),
        ("t.csv", "label,text\na,one\nb,two"),
        ("t.csv", "text,label\r\none,a\r\n\r\ntwo,b\r\n"),
        ("t.csv", "text,label\rone,a\rtwo,b\r"),
        ("t.csv", "\ufefftext,label\none,a\ntwo,b\n"),
        ("t.csv", 'text,label\n"one",a\n"two","b"\n'),
        ("t.tsv", "text\tlabel\none\ta\ntwo\tb\n"),
        ("t.tsv", 'text\tlabel\n"one"\ta\ntwo\tb\n'),
        ("t.csv", "id,review,stars\n1,one,a\n2,two,b\n"),
        ("t.jsonl", '{"text": "one", "label": "a"}\n\n{"label": "b", "text": "two"}\n'),
        ("t.csv.gz", gzip.compress(b"text,label\none,a\ntwo,b\n", mtime=0)),
    ],
)
def test_the_same_records_in_many_clothes(tmp_path, name, content):
    assert records(write(tmp_path / name, content))[0] == FINE


def test_cells_hold_commas_quotes_and_line_ends(tmp_path):
    path = write(
        tmp_path / "t.csv", 'text,label\r\n"He said ""no"",\r\ntwice.",a\r\nso 5" tall,b\r\n'
    )
    assert records(path)[0] == [('He said "no",\ntwice.', "a"), ('so 5" tall', "b")]


def table(line):
    return f"text,label\none,a\n{line}\ntwo,b\n"


def objects(line):
    return '{"text": "one", "label": "a"}\n' + line + '\n{"text": "two", "label": "b"}'


BAD = [
    ("ragged.csv", table("x,y,z"), "line 3: 3 columns where 2 are expected"),
    ("short.tsv", table("x").replace(",", "\t"), "line 3: 1 column where 2 are expected"),
    ("empty.csv", table(" ,b"), "line 3: the text is empty"),
    ("label.csv", table("x, "), "line 3: no label; expected one in column label"),
    ("open.csv", table('"x,b'), "line 3: a quote is never closed"),
    ("inside.csv", table('"x"y,b'), "line 3: the quotes are not balanced"),
    ("swallow.csv", table('"x,b') + '"q",a\n', "line 3: the quotes are not balanced"),
    ("latin.csv", table("é,b").encode("latin1"), "line 3: not UTF-8 (byte 0xE9 at position 0"),
    ("nul.csv", table("x\0,b"), "line 3: a NUL byte"),
    ("json.jsonl", objects('{"text"'), "line 2: not JSON"),
    ("list.jsonl", objects("[1]"), "line 2: list where an object is expected"),
    ("field.jsonl", objects('{"label": "b"}'), "line 2: the text is empty"),
    ("number.jsonl", objects('{"label": "b", "text": 5}'), "line 2: the text is 5"),
    ("none.jsonl", objects('{"text": "x"}'), "line 2: no label"),
    ("half.jsonl", objects('{"text": "\\ud800", "label": "b"}'), "half of a surrogate pair"),
]


@pytest.mark.parametrize("name,content,expected", BAD, ids=[name for name, *_ in BAD])
def test_a_bad_record_is_told_with_its_line_and_may_be_left_out(tmp_path, name, content, expected):
    path = write(tmp_path / name, content)
    columns = {"text": "text", "label": "label"}
    with pytest.raises(UserError, match=r"--skip-bad skips") as told:
        records(path, **columns)
    assert expected in str(told.value) and name in str(told.value)
    found, problems = records(path, skip=True, **columns)
    assert found[:2] == FINE and problems.count == 1


ONE = "text,label\na,b\n"
REFUSED = [
    ("missing.csv", None, {}, "There is no file"),
    ("empty.csv", "", {}, "holds no record"),
    ("t.csv", ONE, {"label": "stars"}, "--label got 'stars'; .* has the columns text, label"),
    ("t.csv", ONE, {"text": "3"}, "--text got '3'"),
    ("t.csv", ONE, {"text": "label", "label": "label"}, "--text label and --label label name"),
    ("alone.csv", "label\na\nb\n", {}, "no column for the text"),
    ("free.csv", "".join(f"text {k},other {k}\n" for k in range(30)), {}, "none has values"),
]


@pytest.mark.parametrize("name,content,columns,expected", REFUSED)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, name, content, columns, expected):
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(UserError, match=expected):
        find_table(path, **columns)


def test_utf_16_is_named(tmp_path):
    path = write(tmp_path / "t.csv", "text,label\na,b\n".encode("utf-16"))
    with pytest.raises(UserError, match="UTF-16, not UTF-8"):
        find_table(path)


def test_several_labels_in_a_cell_or_a_list(tmp_path):
    path = write(tmp_path / "t.csv", "text,label\none,a|b\ntwo,\nthree,b| a |b\n")
    assert records(path, separator="|")[0] == [("one", "a", "b"), ("two",), ("three", "b", "a")]
    path = write(
        tmp_path / "t.jsonl", '{"text":"one","label":["a","b"]}\n{"text":"two","label":[]}'
    )
    assert records(path)[0] == [("one", "a", "b"), ("two",)]


def test_a_number_is_a_label_as_it_is_written(tmp_path):
    path = write(tmp_path / "t.jsonl", '{"text":"one","stars":5}\n{"text":"two","stars":1.5}')
    assert records(path)[0] == [("one", "5"), ("two", "1.5")]


def test_a_folder_for_each_class(tmp_path):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
    write(tmp_path / "good" / "1.txt", "fine\r\nindeed\n")
    write(tmp_path / "bad" / "1.txt", "poor")
    write(tmp_path / "bad" / "2.txt", " \n")
    problems = Problems(skip=True)
    found = [(r.value, *r.labels) for r in folder_texts(tmp_path, problems)]
    assert found == [("poor", "bad"), ("fine\nindeed", "good")]
    assert "2.txt: the text is empty" in problems.messages()[1]


def test_reading_is_lazy(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "one,a\ntwo,b\n" * 3000 + "three\n")
    reading = labelled_texts(find_table(path), Problems())
    assert next(reading).where.endswith("line 2")
