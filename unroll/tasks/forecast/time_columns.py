"""Where the times of a table are: one column, or several such as a date and a clock."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

from unroll.errors import UserError
from unroll.tasks.forecast.date_patterns import MONTH_NAMES, format_advice
from unroll.tasks.forecast.rows import (
    SAMPLED,
    TextRow,
    cell_text,
    describe_wide,
    is_nameless,
    is_number_column,
    is_written_number,
    named_column,
)
from unroll.tasks.forecast.time_forms import NUMBER, is_date_column
from unroll.tasks.forecast.time_names import CLOCK, HOURS, PARTS, TIMES

MIDNIGHT = re.compile(r"(?:[T ]0?0:00(?::00(?:\.0+)?)?|[T ]12:00(?::00)? ?AM)$", re.IGNORECASE)


@dataclass(frozen=True)
class TimeColumn:
    """Where the times of a table are.

    Attributes:
        name: the column, or the columns with commas between.
        parts: the columns.
        messages: sentences on what was guessed.
    """

    name: str
    parts: tuple[str, ...]
    messages: tuple[str, ...] = ()

    def texts(self, names: list[str], rows: list[TextRow]) -> list[str]:
        """The time of each row as text."""
        places = [names.index(part) for part in self.parts]
        if len(places) == 1:
            return [cell_text(row.cells[places[0]]) for row in rows]
        columns = [[cell_text(row.cells[place]) for row in rows] for place in places]
        return [joined_time(cells) for cells in zip(*columns, strict=True)]


@dataclass(frozen=True)
class TimeRequest:
    """What is known of the times before they are found.

    Attributes:
        asked: what `--time` names, or None.
        format: the form that was asked for, or None.
        by: the column that names the series, or None.
        taken: the columns that are used for something else.
        trained: whether a run asks for its own columns.
    """

    asked: str | None
    format: str | None
    by: str | None
    taken: set[str]
    trained: bool


def joined_time(cells: tuple[str, ...]) -> str:
    """A time whose parts are in several cells: a date and a clock, or a year, a month, a day.

    Examples:
        >>> from unroll.tasks.forecast.time_columns import joined_time
        >>> joined_time(("2024", "1", "31", "13")), joined_time(("31.1.2024", "1:30 PM"))
        ('2024-1-31 13:00', '31.1.2024 1:30 PM')
    """
    date, rest = [MIDNIGHT.sub("", cells[0])], list(cells[1:])
    if re.fullmatch(r"\d{4}(\.0)?", cells[0]):
        date[0] = cells[0][:4]
        while rest and len(date) < 3 and ":" not in rest[0]:
            date.append(month_number(rest.pop(0)))
    clock = [part.removesuffix(".0") for part in rest if part]
    if clock and all(part.isdigit() for part in clock):
        clock = [":".join([*clock, "00"] if len(clock) == 1 else clock)]
    return " ".join(["-".join(date), *clock])


def month_number(cell: str) -> str:
    """A month or a day as a number, where it may be the name of a month."""
    return str(MONTH_NAMES.get(cell.lower().rstrip("."), cell.removesuffix(".0")))


def find_time_column(
    name: str, names: list[str], rows: list[TextRow], request: TimeRequest
) -> TimeColumn:
    """Find where the times of a table are.

    Args:
        name: the file, for errors.
        names: its columns.
        rows: its rows.
        request: what is known of it.

    Raises:
        UserError: where a named column does not exist, or none holds times.
    """
    if request.asked is not None:
        parts = asked_parts(name, names, request.asked, request.trained)
        return TimeColumn(request.asked if len(parts) > 1 else parts[0], parts)
    free = [column for column in names if column not in request.taken]
    sample = rows[:SAMPLED]
    for column in free:
        cells = [cell_text(row.cells[names.index(column)]) for row in sample]
        if is_date_column(cells, request.format):
            return with_clock(names, rows, column, free)
    found = [next((c for c in free if c.lower() in kinds), None) for kinds in PARTS]
    joined = tuple(
        part for part in itertools.takewhile(lambda part: part is not None, found) if part
    )
    if len(joined) > 1:
        listed = ",".join(joined)
        return TimeColumn(listed, joined, (f"The times are in the columns {listed} (--time).",))
    for column in free:
        at, series = names.index(column), names.index(request.by) if request.by else None
        named = column.lower() in TIMES or (is_nameless(column) and holds_years(at, rows))
        if named and is_number_column(at, rows) and only_grows(at, rows, series):
            return TimeColumn(
                column, (column,), (f"The times are in the column {column} (--time).",)
            )
    if wide := describe_wide(name, names):
        raise UserError(wide)
    first = next((row.cells for row in rows), [])
    advice = next((a for cell in first if (a := format_advice(str(cell).strip()[:30]))), "")
    written = f", and how they are written by {advice}" if advice else ""
    odd = next(
        (str(c).strip() for c in first if not is_written_number(str(c)) and str(c).strip()), ""
    )
    raise UserError(
        f"{name} has no column of dates among {', '.join(names)[:100]}"
        f"{'' if advice or not odd else f' ({odd[:30]!r} is no date that can be read)'}; expected one "
        f"(2024-01-31). Name the column of times by --time NAME{written}."
    )


def asked_parts(name: str, names: list[str], asked: str, trained: bool) -> tuple[str, ...]:
    """The columns that `--time` names: one, or several with commas between.

    Raises:
        UserError: where one does not exist.
    """
    one = named_column(names, asked)
    if one is not None:
        return (one,)
    parts = [named_column(names, part.strip()) for part in asked.split(",")]
    found = [part for part in parts if part is not None]
    if len(found) == len(parts):
        return tuple(found)
    missing = asked.split(",")[parts.index(None)].strip()
    listed = ", ".join(names)[:120]
    if trained:
        raise UserError(
            f"{name} has the columns {listed}; expected {missing} among them, which the run was "
            "trained on."
        )
    raise UserError(f"--time got {missing!r}; {name} has the columns {listed}. Name one of them.")


def with_clock(names: list[str], rows: list[TextRow], column: str, free: list[str]) -> TimeColumn:
    """A column of dates, with a column of clocks beside it where the dates have none and come back."""
    cells = [cell_text(row.cells[names.index(column)]) for row in rows]
    dates = [MIDNIGHT.sub("", cell) for cell in cells[:SAMPLED]]
    if len(set(cells)) * 1.2 > len(cells) or any(":" in date for date in dates):
        return TimeColumn(column, (column,))
    for other in free:
        clocks = [cell_text(row.cells[names.index(other)]) for row in rows]
        hours = other.lower() in HOURS and all(
            c.isdecimal() and len(c) <= 2 and int(c) <= 24 for c in clocks
        )
        is_clock = all(len(c) < 20 and CLOCK.fullmatch(c) for c in clocks)
        if other != column and (hours or is_clock) and len(set(clocks)) > 1:
            joined = f"{column},{other}"
            return TimeColumn(
                joined, (column, other), (f"The times are in the columns {joined} (--time).",)
            )
    return TimeColumn(column, (column,))


def holds_years(column: int, rows: list[TextRow]) -> bool:
    """Whether a column holds years, as the index of a DataFrame of years does."""
    cells = [cell_text(row.cells[column]).removesuffix(".0") for row in rows]
    return all(re.fullmatch(r"1[5-9]\d\d|2[01]\d\d", cell) for cell in cells)


def only_grows(column: int, rows: list[TextRow], series: int | None = None) -> bool:
    """Whether the numbers of a column rise from row to row, in each series of the column `series`."""
    last: dict[str, float] = {}
    for row in rows:
        cell = cell_text(row.cells[column])
        own = "" if series is None else row.cells[series]
        number = NUMBER.read(cell).clock if NUMBER.fits(cell) else -math.inf
        if number <= last.get(own, -math.inf):
            return False
        last[own] = number
    return True
