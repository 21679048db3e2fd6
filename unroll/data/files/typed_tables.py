"""Tables with typed cells: .xlsx, .parquet, .arrow and .feather, by packages that are loaded when used."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from unroll.data.files.opening import BAD_ZIP, MOST_TIMES, MOST_UNPACKED
from unroll.data.files.rows import Row, TableRows
from unroll.data.optional import optional
from unroll.data.problems import Problems
from unroll.errors import UserError

BATCH = 4096  # rows that are read at a time
PLACES = 20  # of a large file, from which rows are taken to guess what its columns hold
ROWS = 50  # that are taken at each
MOST_SHEETS = 1 << 28  # bytes of an unpacked .xlsx, from which on it may not be packed too well


def excel_table(path: Path, name: str) -> TableRows:
    """The first sheet of an .xlsx that holds anything.

    Raises:
        UserError: where openpyxl is missing, or the file is damaged.
    """
    openpyxl = optional("openpyxl", f"{name} is an Excel file")
    check_unpacked_size(path, name)

    @contextmanager
    def opened() -> Iterator[Any]:
        with path.open("rb") as file:
            try:
                with (
                    warnings.catch_warnings()
                ):  # on styles, links and other things that are not read
                    warnings.simplefilter("ignore")
                    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            except Exception as error:  # whatever openpyxl and its XML parsers raise
                raise damaged(name, "an Excel file", error) from error
            with closing(book):
                yield book

    with opened() as book:
        sheets = [sheet for sheet in book.worksheets if next(sheet_rows(sheet, name), None)]
        if not sheets:
            raise UserError(f"{name} holds no row in any sheet; expected a table.")
        title, others = sheets[0].title, len(sheets) - 1
    said = (f"sheet {title!r}, the first of {others + 1} that hold rows",) if others else ()

    def read(problems: Problems) -> Iterator[Row]:
        with opened() as book:
            yield from sheet_rows(book[title], name)

    return TableRows(name, None, read, path.parent, said)


def check_unpacked_size(path: Path, name: str) -> None:
    """Raises UserError where the parts of an .xlsx unpack to more than any table does."""
    try:
        size = sum(part.file_size for part in ZipFile(path).infolist())
    except BAD_ZIP as error:
        raise damaged(name, "an Excel file", error) from error
    if size > max(MOST_SHEETS, min(MOST_UNPACKED, MOST_TIMES * path.stat().st_size)):
        raise UserError(
            f"{name} unpacks to {size / (1 << 30):.1f} GiB, {size // path.stat().st_size:,} times its "
            "size; expected an Excel file with a table. Save the table as .csv."
        )


def sheet_rows(sheet: Any, name: str) -> Iterator[Row]:
    """The rows of a sheet that are not empty, each at least as wide as the first.

    Raises:
        UserError: where the file is damaged.
    """
    sheet.reset_dimensions()  # those that the file states are often wrong
    width = 0
    try:
        for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
            if values.count(None) == len(values):
                continue
            cells = [typed_word(value) for value in values]
            while len(cells) > width and cells[-1] == "":
                cells.pop()
            width = width or len(cells)
            yield Row(line, cells + [""] * (width - len(cells)))
    except Exception as error:  # whatever openpyxl and its XML parsers raise
        raise damaged(name, "an Excel file", error) from error


def parquet_table(path: Path, name: str) -> TableRows:
    """The rows of a .parquet.

    Raises:
        UserError: where pyarrow is missing, or the file is damaged.
    """
    parquet = optional("pyarrow.parquet", f"{name} is a parquet file")

    def opened() -> Any:
        try:
            return parquet.ParquetFile(path)
        except Exception as error:  # whatever pyarrow raises
            raise damaged(name, "a parquet file", error) from error

    with closing(opened()) as file:
        try:
            names = tuple(file.schema_arrow.names)
        except Exception as error:
            raise damaged(name, "a parquet file", error) from error
        groups, count = file.num_row_groups, file.metadata.num_rows

    def read(problems: Problems) -> Iterator[Row]:
        with closing(opened()) as file:
            yield from batch_rows(file.iter_batches(batch_size=BATCH), name)

    def far() -> Iterator[Row]:
        with closing(opened()) as file:
            for group in sorted({k * groups // PLACES for k in range(PLACES)}):
                batches = file.iter_batches(batch_size=ROWS, row_groups=[group])
                yield from islice(batch_rows(batches, name), ROWS)

    large = groups > 1 and count > PLACES * ROWS
    return TableRows(name, names, read, path.parent, far=far if large else None)


def arrow_table(path: Path, name: str) -> TableRows:
    """The rows of an .arrow or .feather, as a file or as a stream.

    Raises:
        UserError: where pyarrow is missing, or the file is damaged.
    """
    arrow = optional("pyarrow", f"{name} is an Arrow file")
    ipc = optional("pyarrow.ipc", f"{name} is an Arrow file")

    def batches() -> Iterator[Any]:
        try:
            with arrow.OSFile(str(path)) as opened:
                is_file = opened.read(6) == b"ARROW1"
                opened.seek(0)
                if is_file:
                    file = ipc.open_file(opened)
                    yield tuple(file.schema.names)
                    for k in range(file.num_record_batches):
                        yield file.get_batch(k)
                else:
                    stream = ipc.open_stream(opened)
                    yield tuple(stream.schema.names)
                    yield from stream
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise damaged(name, "an Arrow file", error) from error

    names: tuple[str, ...] = next(batches())

    def read(problems: Problems) -> Iterator[Row]:
        found = batches()
        next(found)
        yield from batch_rows(found, name)

    return TableRows(name, names, read, path.parent)


def batch_rows(batches: Any, name: str) -> Iterator[Row]:
    """The rows of record batches, numbered from 1.

    Raises:
        UserError: where the file is damaged.
    """
    line = 0
    iterator = iter(batches)
    while True:
        try:
            batch = next(iterator, None)
            if batch is None:
                return
            batch.validate(full=True)  # a damaged one may name places outside the file
            columns = [column.to_pylist() for column in batch.columns]
        except UserError:
            raise
        except Exception as error:  # whatever pyarrow raises
            raise damaged(name, "a table of Arrow", error) from error
        for values in zip(*columns, strict=True):
            line += 1
            yield Row(line, [typed_cell(value) for value in values])


def damaged(name: str, kind: str, error: Exception) -> UserError:
    """The sentence of a file that a package cannot read."""
    said = " ".join(str(error).split())[:100] or type(error).__name__
    return UserError(f"{name} cannot be read as {kind} ({said}). Create it again.")


def typed_word(value: object) -> str | int | float:
    """A value of a sheet: numbers as such, whole ones without a point; others as a .csv has them."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    return "" if value is None else str(value)


def typed_cell(value: Any) -> Any:
    """A value of Arrow as JSON has it; dates as ISO, not a number as nothing."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, list):
        return [typed_cell(each) for each in value]
    if isinstance(value, dict):
        return {str(key): typed_cell(each) for key, each in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)
