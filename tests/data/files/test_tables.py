"""One way into every table: the same rows whatever the file."""

import bz2
import json

import pytest

from unroll.data.files import tables
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError

CELLS = [["one, two", "a"], ["three", "b"]]


@pytest.mark.parametrize(
    "name,content",
    [
        ("a.csv", 'text,label\n"one, two",a\nthree,b\n'),
        ("a.csv", "text;label\none, two;a\nthree;b\n"),
        ("a.csv", "text|label\none, two|a\nthree|b\n"),
        ("a.tsv", 'text\tlabel\n"one, two"\ta\nthree\tb\n'),
        ("a", "text\tlabel\none, two\ta\nthree\tb\n"),
        ("a.csv.bz2", bz2.compress(b"sep=;\ntext;label\none, two;a\nthree;b\n")),
        ("a.jsonl", '["text", "label"]\n["one, two", "a"]\n["three", "b"]\n'),
        ("a.json", json.dumps([{"text": t, "label": y} for t, y in CELLS])),
        ("a.ndjson", "\n".join(json.dumps({"text": t, "label": y}) for t, y in CELLS)),
    ],
)
def test_the_same_rows_from_every_form(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = open_table(path)
    rows = [row.cells for row in table.rows(Problems())]
    assert rows[-2:] == CELLS and len(rows) == 2 + (table.names is None)
    assert (table.names or tuple(rows[0])) == ("text", "label")


def test_a_text_is_no_table(tmp_path):
    (tmp_path / "a.txt").write_text("some prose, it is\nin two lines\n")
    with pytest.raises(UserError, match=r"a\.txt is not a table"):
        open_table(tmp_path / "a.txt")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_large_table_is_looked_into_throughout(tmp_path, monkeypatch, name):
    monkeypatch.setattr(tables, "FAR_SIZE", 1 << 12)
    values = [(f"text {k}", k // 1000) for k in range(3000)]
    line = "{0},{1}" if name == "a.csv" else '{{"text": "{0}", "label": {1}}}'
    (tmp_path / name).write_text("\n".join(line.format(*each) for each in values))
    far = [row.cells for row in open_table(tmp_path / name).far()]
    assert 900 < len(far) <= 1000 and {str(label) for _, label in far} == {"0", "1", "2"}


def test_fields_that_are_missing_are_empty_and_other_values_bad(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"b": 2}\n[3]\n4\n')
    problems = Problems(skip=True)
    table = open_table(tmp_path / "a.jsonl")
    assert [row.cells for row in table.rows(problems)] == [[1, None], [None, 2]]
    assert "line 3: list where an object is expected" in problems.messages()[1]
    assert problems.count == 2
