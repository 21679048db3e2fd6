"""Cells of tables in memory as the text of a file: what is read back is what was given."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from unroll.errors import UserError

MISSING_TYPES = ("NaTType", "NAType")  # of pandas
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}\b")
THREE_DECIMALS = re.compile(r"-?\d+\.\d{3}")
PLAIN = (str, bool, int, np.bool_, np.integer)


def is_missing(cell: Any) -> bool:
    """Whether a cell holds no value: None, NaN, NaT or pandas' NA."""
    if cell is None or type(cell).__name__ in MISSING_TYPES:
        return True
    if isinstance(cell, (float, np.floating)):
        return math.isnan(cell)
    return isinstance(cell, (np.datetime64, np.timedelta64)) and bool(np.isnat(cell))


def column_of_text(cells: Sequence[Any], where: str) -> list[Any]:
    """The cells of a column as a file holds them.

    Numbers keep every digit, times are ISO with their offset, and dates alone where every clock is at
    midnight; a missing value is the empty string. A list or dictionary stays one, for JSON lines.

    Args:
        cells: of any types.
        where: names the column in an error.

    Raises:
        UserError: for a cell that no file holds, such as a complex number.

    Examples:
        >>> import numpy as np
        >>> from unroll.in_memory.cells import column_of_text
        >>> column_of_text([0.1, None, np.datetime64("2024-01-01T00:00")], "column x")
        ['0.1', '', '2024-01-01']
    """
    times = [each for cell in cells if (each := as_time(cell)) is not None]
    dates = all(is_midnight(time) for time in times)
    return [cell_text(cell, dates, where, row) for row, cell in enumerate(cells)]


def cell_text(cell: Any, dates: bool, where: str, row: int) -> Any:
    """One cell as text, or as the lists and dictionaries of JSON.

    Args:
        cell: of any type.
        dates: whether times are written without their clock.
        where: names the column in an error.
        row: its number from 0, for an error.
    """
    if is_missing(cell):
        return ""
    if isinstance(cell, PLAIN):
        return str(cell)
    if isinstance(cell, (float, np.floating)):
        return str(cell) if isinstance(cell, np.floating) else repr(cell)
    time = as_time(cell)
    if time is not None:
        return time_text(time, dates)
    if isinstance(cell, dict):
        return {str(key): json_cell(value, where, row) for key, value in cell.items()}
    if isinstance(cell, (list, tuple, np.ndarray)) or hasattr(cell, "to_list"):
        return [json_cell(each, where, row) for each in as_list(cell)]
    if is_number_like(cell) or hasattr(cell, "__fspath__") or is_plain_word(cell):
        return str(cell)
    raise UserError(
        f"{where}, row {row}: a value of type {type(cell).__name__}; expected texts, numbers, dates, "
        "missing values, or lists of them. Convert the column first, or leave it out."
    )


def holds_times(cells: Sequence[Any]) -> bool:
    """Whether the first value of a column is a time, a date, or a text that begins with one."""
    first = next((cell for cell in cells if not is_missing(cell)), None)
    return as_time(first) is not None or (
        isinstance(first, str) and TIME.match(first.strip()) is not None
    )


def with_decimal_point(cell: Any) -> Any:
    """A float as text whose point is the decimal mark for every reader: 1.0290 for 1.029.

    In a file of people, 1.029 beside 998 may be a thousand and 29; a fourth digit settles it.
    """
    if not isinstance(cell, (float, np.floating)) or is_missing(cell):
        return cell
    text = str(float(str(cell)))
    return f"{text}0" if THREE_DECIMALS.fullmatch(text) else text


def json_cell(cell: Any, where: str, row: int) -> Any:
    """A value inside a list as JSON holds it: numbers stay numbers, a missing one is None."""
    if is_missing(cell):
        return None
    if isinstance(cell, (bool, np.bool_)):
        return bool(cell)
    if isinstance(cell, (int, np.integer)):
        return int(cell)
    if isinstance(cell, (float, np.floating)):
        return float(str(cell))
    return cell_text(cell, False, where, row)


def as_list(cells: Any) -> list[Any]:
    """A list, tuple, array or Series as a list."""
    for method in ("to_list", "tolist"):
        if hasattr(cells, method):
            found: list[Any] = getattr(cells, method)()
            return found
    return list(cells)


def as_time(cell: Any) -> datetime.date | np.datetime64 | None:
    """A cell that is a time or a date; None for any other."""
    if isinstance(cell, (datetime.date, np.datetime64)):  # a datetime is a date
        return cell
    return None


def is_midnight(time: datetime.date | np.datetime64) -> bool:
    """Whether a time without a zone has no clock beside its date."""
    if isinstance(time, np.datetime64):
        return bool(time == time.astype("datetime64[D]"))
    if not isinstance(time, datetime.datetime):
        return True
    clock = (time.hour, time.minute, time.second, time.microsecond, getattr(time, "nanosecond", 0))
    return not any(clock) and time.tzinfo is None


def time_text(time: datetime.date | np.datetime64, dates: bool) -> str:
    """A time in ISO; dates: without its clock, which is midnight."""
    if isinstance(time, np.datetime64):
        text = str(
            time.astype("datetime64[D]") if dates else np.datetime_as_string(time, unit="auto")
        )
        return (text if dates or "T" in text else f"{text}T00:00").replace("T", " ")
    if not isinstance(time, datetime.datetime):
        return time.isoformat() if dates else f"{time.isoformat()} 00:00:00"
    if dates:
        return time.date().isoformat()
    return time.isoformat(sep=" ")


def is_number_like(cell: Any) -> bool:
    """Whether a value is a real number of another type, such as Decimal or Fraction."""
    return (
        hasattr(cell, "__float__") and not isinstance(cell, complex) and not hasattr(cell, "ndim")
    )


def is_plain_word(cell: Any) -> bool:
    """Whether the text of a value is all there is to it: a clock, a period, a UUID, an enum member."""
    kinds = (datetime.time, datetime.timedelta, Enum)
    return isinstance(cell, kinds) or type(cell).__name__ in ("Period", "UUID", "Interval")


def needs_json(columns: Iterable[Sequence[Any]]) -> bool:
    """Whether a table has lists or dictionaries in its cells, or texts of very many lines."""
    return any(
        not isinstance(cell, str) or cell.count("\n") > 500 for column in columns for cell in column
    )
