"""The first rows of a table, whatever it is packed in and whatever is wrong further down."""

import gzip

import pytest

from unroll.data.first_rows import LOOK, first_rows, is_table, sampled_rows

ROWS = [["text", "label"], ["a, b", "x"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"a, b",x\n'),
        ("a.tsv", "text\tlabel\na, b\tx\n"),
        ("a.csv.gz", 'text,label\n"a, b",x\n'),
    ],
)
def test_commas_tabs_and_gzip(tmp_path, name, content):
    data = content.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert first_rows(tmp_path / name) == (ROWS, None)


def test_objects_become_rows_with_the_names_of_all_fields(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "x"}\nnot JSON\n{"b": 2}\n')
    assert first_rows(tmp_path / "a.jsonl") == ([["x", ""], ["", "2"]], ["a", "b"])


def test_only_the_first_rows_are_read_and_bad_bytes_do_not_hide_them(tmp_path):
    rows = b"a,b\n" * (LOOK + 50) + b"\xff"
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + rows)
    found, names = first_rows(tmp_path / "a.csv")
    assert found == [["a", "b"]] * LOOK and names is None


def test_a_sample_goes_through_the_whole_table(tmp_path):
    (tmp_path / "a.csv").write_text("".join(f"{k},x\n" for k in range(2000)))
    rows, names = sampled_rows(tmp_path / "a.csv")
    assert rows[:LOOK] == first_rows(tmp_path / "a.csv")[0] and names is None
    assert len(rows) < 4 * LOOK and int(rows[-1][0]) > 1980


def test_what_is_a_table_by_its_name_or_content(tmp_path):
    for name, content in {"a.CSV": "x\n", "a.json": '{"a": 1}', "a.parquet": "PAR1"}.items():
        (tmp_path / name).write_text(content)
        assert is_table(tmp_path / name)
    for name, content in {"a.txt": "x\ty\nz\ta\n", "a.md": '{"a": 1}'}.items():
        (tmp_path / name).write_text(content)
        assert not is_table(tmp_path / name)
    assert not is_table(tmp_path) and not is_table(tmp_path / "none.csv")
