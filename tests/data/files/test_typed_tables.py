"""Excel, parquet and Arrow: numbers and dates as a .csv would have them."""

import contextlib
import datetime
import io
import random
import sys
import zipfile

import pytest

from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError

openpyxl = pytest.importorskip("openpyxl")
pyarrow = pytest.importorskip("pyarrow")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def rows(path):
    return [(row.line, row.cells) for row in open_table(path).rows(Problems())]


def write_book(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for k, sheet in enumerate(sheets):
        page = book.create_sheet(f"sheet {k}")
        for row in sheet:
            page.append(row)
    book.save(path)


def test_a_sheet_is_read_as_a_csv_would_be(tmp_path):
    day = datetime.datetime(2024, 2, 3)
    table = [["text", "label", "day"], ["one", 1, day], [], ["two", 2.5, None], ["x", 3.0, True]]
    write_book(tmp_path / "a.xlsx", [], table, [["other"]])
    assert rows(tmp_path / "a.xlsx") == [
        (1, ["text", "label", "day"]),
        (2, ["one", 1, "2024-02-03"]),
        (4, ["two", 2.5, ""]),
        (5, ["x", 3, "True"]),
    ]
    assert "sheet 'sheet 1', the first of 2" in open_table(tmp_path / "a.xlsx").said[0]


def test_parquet_and_arrow_keep_types_and_names(tmp_path):
    table = pyarrow.table(
        {
            "text": ["one", None],
            "label": [1, 2],
            "x": [0.5, float("nan")],
            "day": [datetime.date(2024, 2, 3), None],
            "tags": [["a", "b"], []],
        }
    )
    import pyarrow.parquet as parquet

    parquet.write_table(table, tmp_path / "a.parquet")
    with pyarrow.ipc.new_file(tmp_path / "a.arrow", table.schema) as file:
        file.write_table(table)
    with pyarrow.ipc.new_stream(tmp_path / "b.arrow", table.schema) as stream:
        stream.write_table(table)
    for name in ("a.parquet", "a.arrow", "b.arrow"):
        assert open_table(tmp_path / name).names == ("text", "label", "x", "day", "tags")
        assert rows(tmp_path / name) == [
            (1, ["one", 1, 0.5, "2024-02-03", ["a", "b"]]),
            (2, [None, 2, None, None, []]),
        ]


def test_a_large_parquet_is_looked_into_throughout(tmp_path):
    import pyarrow.parquet as parquet

    table = pyarrow.table({"k": list(range(40_000))})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    far = [row.cells[0] for row in open_table(tmp_path / "a.parquet").far()]
    assert len(far) == 1000 and min(far) < 1000 and max(far) > 38_000


def test_damaged_files_and_bombs_are_refused_in_a_sentence(tmp_path):
    write_book(tmp_path / "a.xlsx", [["text"], ["one"]])
    whole = (tmp_path / "a.xlsx").read_bytes()
    packed = io.BytesIO(whole)
    with zipfile.ZipFile(packed) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["xl/worksheets/sheet1.xml"] = b"<worksheet><sheetData><row><c>"
    with zipfile.ZipFile(tmp_path / "bad.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + b"\0" * 40)
    (tmp_path / "cut.arrow").write_bytes(b"ARROW1\0\0" + b"\xff" * 40)
    for name in ("bad.xlsx", "cut.parquet", "cut.arrow"):
        with pytest.raises(UserError, match=f"{name} cannot be read as"):
            rows(tmp_path / name)
    parts["xl/worksheets/sheet1.xml"] = b" " * (1 << 28)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    with pytest.raises(UserError, match=r"bomb\.xlsx unpacks to"):
        rows(tmp_path / "bomb.xlsx")


def test_a_missing_package_is_a_sentence_with_the_line_that_installs_it(tmp_path, monkeypatch):
    write_book(tmp_path / "a.xlsx", [["text"], ["one"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"pip install 'unroll-rnn\[tables\]'"):
        open_table(tmp_path / "a.xlsx")


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet", "a.arrow"])
def test_damaged_bytes_end_in_a_sentence(tmp_path, name):
    import pyarrow.parquet as parquet

    path, table = tmp_path / name, pyarrow.table({"text": ["one", "two"] * 9, "label": [1, 2] * 9})
    if name == "a.xlsx":
        write_book(path, [["text", "label"], *([["one", 1]] * 9)])
    elif name == "a.parquet":
        parquet.write_table(table, path)
    else:
        with pyarrow.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(60):
        changed = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        path.write_bytes(changed[: draw.choice([len(changed), draw.randrange(len(changed))])])
        with contextlib.suppress(UserError):
            rows(path)
