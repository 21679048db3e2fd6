"""The rows of a table as text, and their cells as times and numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from unroll.data.files.forms import find_form
from unroll.data.files.opening import regular_file
from unroll.data.files.rows import Row
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.series import LARGEST, number_trouble
from unroll.errors import UserError
from unroll.tasks.forecast.date_patterns import MONTH_NAMES, Moment, format_advice
from unroll.tasks.forecast.number_forms import MISSING, NumberForm, is_written_number
from unroll.tasks.forecast.time_forms import ISO, TimeForm, find_time_form
from unroll.tasks.forecast.times import DAY
from unroll.tasks.forecast.title_rows import TITLE_ROWS, refuse_title

MOST_WORDS = 50  # of a column of words
FEWEST_COUNTED = 10  # rows, from which on a column of 1, 2, 3 counts them
FEWEST_WIDE = 3  # columns that are named after times, from which on a table is wide
LONGEST_COUNT = 16  # digits
SAMPLED = 20  # cells, to see what a column holds


class TextRow(NamedTuple):
    """A row of a table as it is in the file.

    Attributes:
        line: its line, from 1.
        cells: one for each column: a text, or a number of a table that holds numbers as such.
    """

    line: int
    cells: list[Any]


class NumberRow(NamedTuple):
    """A row as numbers; rows sort by time.

    Attributes:
        time: seconds since 1970, or a plain number.
        line: its line, from 1.
        values: the target first; NaN where missing; the place of a word, -1 for an unknown word.
        offset: how many seconds the clock is ahead of UTC. None: the cell does not say.
    """

    time: float
    line: int
    values: list[float]
    offset: float | None = None


NO_DATE = "It is no date that can be read: write a date in each row, or number the rows"


class TextTable(NamedTuple):
    """A table as it is in its file.

    Attributes:
        names: of its columns.
        rows: below the names.
        semicolons: whether semicolons stand between cells, as where commas are decimal marks.
        messages: sentences on the form of the file.
    """

    names: list[str]
    rows: list[TextRow]
    semicolons: bool
    messages: list[str]


def read_text_rows(name: str, problems: Problems) -> TextTable:
    """Read a table of any form whose columns have names.

    Args:
        name: the path of the file.
        problems: takes rows with another number of cells than there are names.

    Raises:
        UserError: where the file is not such a table.
    """
    path = regular_file(name, name, "a table (.csv, .tsv) of values over time")
    if not path.stat().st_size:
        raise UserError(f"{name} is empty; expected a table whose first line names its columns.")
    table = open_table(path, name)
    rows = table.rows(problems)
    first = Row(0, list(table.names)) if table.names is not None else next(rows, None)
    found = list(rows)
    if table.names is None and first is not None:
        head = [(row.line, [cell_text(cell) for cell in row.cells]) for row in found[:TITLE_ROWS]]
        refuse_title(name, first.line, [cell_text(cell) for cell in first.cells], head)
    names = checked_names(name, first)
    if found and all(len(row.cells) == len(names) + 1 for row in found):
        # other programs end every row with a mark, and R counts rows without a name for that
        if all(cell_text(row.cells[-1]) == "" for row in found):
            names = [*names, f"column {len(names) + 1}"]
        elif is_counter(0, [TextRow(row.line, row.cells) for row in found]):
            names = ["column 1", *names]
    kept: list[TextRow] = []
    for row in found:
        if len(row.cells) == len(names):
            kept.append(TextRow(row.line, row.cells))
            continue
        problems.bad(
            f"{name}, line {row.line}: {len(row.cells)} cells; expected {len(names)}, as line "
            f"{first.line if first else 1} has{describe_cut_numbers(names, row.cells)}."
        )
    if not kept:
        raise UserError(f"{name} has no rows below its names; expected values over time.")
    separator = find_form(path, name).separator
    semicolons = separator is not None and separator.character == ";"
    return TextTable(names, kept, semicolons, [f"{name}: {sentence}." for sentence in table.said])


def describe_cut_numbers(names: list[str], cells: list[Any]) -> str:
    """A hint for rows whose decimal commas were taken for separators, or ""."""
    digits = sum(cell_text(cell).isdigit() for cell in cells)
    if len(cells) > len(names) and digits > len(cells) - len(names):
        return "; numbers with decimal commas need quotes, or semicolons between cells"
    return ""


def checked_names(name: str, first: Row | None) -> list[str]:
    """The names of the columns; "column 2" for one without a name.

    Raises:
        UserError: where there are none, or they are values.
    """
    cells = [cell_text(cell) for cell in first.cells] if first else []
    names = [cell or f"column {k}" for k, cell in enumerate(cells, 1)]
    values = [each for each in names if is_written_number(each) or is_date(each)]
    if values and names[0] not in values and (wide := describe_wide(name, names)):
        raise UserError(wide)
    if len(names) < 2 or len(set(names)) < len(names) or values:
        shown = ", ".join(cells)[:80]
        raise UserError(
            f"{name}, line {first.line if first else 1}: {shown!r}; expected the different names of two or "
            "more columns, with tabs, commas or semicolons between them."
        )
    return names


def describe_wide(name: str, names: list[str]) -> str:
    """A sentence on a table that has a column for each time, or "" for others."""
    months = [each for each in names if each.lower() in MONTH_NAMES]
    dates = [each for each in names if is_date(each) or re.fullmatch(r"1[5-9]\d\d|20\d\d", each)]
    of, columns = ("month", months) if len(months) > len(dates) else ("time", dates)
    if len(columns) < FEWEST_WIDE:
        return ""
    return (
        f"{name} has a column for each {of}, {columns[0]} to {columns[-1]}; expected a row for each "
        "time, and a column of times. Turn the columns into rows first, as DataFrame.melt does; --by "
        "names the column of the series."
    )


def is_date(text: str) -> bool:
    """Whether a cell is a date that begins with its year."""
    return ISO.fits(text)


def cell_text(cell: Any) -> str:
    """A cell as text without blanks around it; "" for None."""
    return "" if cell is None else str(cell).strip()


def written_numbers(rows: list[TextRow], place: int) -> Iterator[tuple[int, str]]:
    """The line and text of each cell of a column that is text and not missing."""
    for row in rows:
        cell = row.cells[place]
        if isinstance(cell, str) and cell.strip().lower() not in MISSING:
            yield row.line, cell.strip()


def is_nameless(name: str) -> bool:
    """Whether a column has no name of its own: "column 1", or "Unnamed: 0" of pandas."""
    return bool(re.fullmatch(r"column \d+|Unnamed: \d+(_level_\d+)?|", name))


def is_blank(name: str, column: int, rows: list[TextRow]) -> bool:
    """Whether a column is nothing but the separator at the end of each row."""
    return is_nameless(name) and all(cell_text(row.cells[column]) == "" for row in rows)


def named_column(names: list[str], column: str) -> str | None:
    """The column of a name, or of a number from 1; None where there is none."""
    if column in names:
        return column
    if column == "":  # the nameless column of a run of an earlier version
        return next((name for name in names if is_nameless(name)), None)
    if column.isdecimal() and len(column) < 6 and 1 <= int(column) <= len(names):
        return names[int(column) - 1]
    return None


def is_counter(column: int, rows: list[TextRow], name: str = "") -> bool:
    """Whether a column counts its rows: whole numbers, each one more than the one before.

    Args:
        column: its place.
        rows: all rows.
        name: its name; without one, any whole numbers are the index of a DataFrame.
    """
    cells = [cell_text(row.cells[column]) for row in rows]
    if not all(cell.isdecimal() and len(cell) < LONGEST_COUNT for cell in cells):
        return False
    if name and is_nameless(name):
        return True
    if len(cells) < FEWEST_COUNTED:
        return False
    first = int(cells[0])
    return all(int(cell) == first + k for k, cell in enumerate(cells))


def is_number_column(column: int, rows: list[TextRow]) -> bool:
    """Whether most of the first cells of a column that are not missing are numbers."""
    cells = (cell_text(row.cells[column]) for row in rows)
    first = list(islice((c for c in cells if c.lower() not in MISSING), SAMPLED))
    return sum(map(is_written_number, first)) * 2 >= len(first)


def time_form_of(
    cells: list[str], time_format: str | None, column: str, like: str | None = None
) -> TimeForm:
    """How the times of a column are written.

    Args:
        cells: the cells of the column.
        time_format: the form that was asked for, or None.
        column: what errors name: the file and the column.
        like: the form of the run's training table, or None.

    Raises:
        UserError: where the times are of no known form, or it is not clear which number is the day
            and which the month.
    """
    filled = [cell for cell in cells if cell.strip()]
    form = find_time_form(filled, time_format, column, like)
    if form is None:
        first = filled[0].strip()[:40] if filled else ""
        advice = format_advice(first)
        what = f"Give their form by {advice} or so" if advice else NO_DATE
        raise UserError(
            f"{column}: the time is {first!r}; expected dates (2024-01-31) or numbers. {what}."
        )
    return form


def distinct_words(name: str, column: str, at: int, rows: list[TextRow]) -> list[str]:
    """The different words of a column, sorted.

    Raises:
        UserError: where there are more than 50.
    """
    words = sorted({cell_text(row.cells[at]) for row in rows} - {""})
    if len(words) > MOST_WORDS:
        raise UserError(
            f"The column {column} of {name} holds {len(words)} different words, such as "
            f"{words[0]!r}; expected numbers, or at most {MOST_WORDS} words. Leave it out."
        )
    return words


@dataclass(frozen=True)
class RowParser:
    """Turns the cells of a row into a time and numbers.

    Attributes:
        name: the file, for errors.
        places: the places of the columns.
        columns: their names.
        form: how times are written.
        numbers: how numbers are written.
        words: the known words of each column of words.
        zero_is_missing: whether zeros are missing values.
    """

    name: str
    places: list[int]
    columns: tuple[str, ...]
    form: TimeForm
    numbers: NumberForm
    words: dict[str, list[str]]
    zero_is_missing: bool

    def parse(self, row: TextRow, time: str) -> NumberRow:
        """The time and the numbers of a row.

        Args:
            row: the row.
            time: its time as text.

        Raises:
            UserError: with the line, for a cell that cannot be read.
        """
        moment = self._time(row.line, time.strip())
        values = [
            self._word(column, cell_text(row.cells[place]))
            if column in self.words
            else self._number(row.line, column, row.cells[place])
            for column, place in zip(self.columns, self.places, strict=True)
        ]
        return NumberRow(moment.clock, row.line, values, moment.offset)

    def _time(self, line: int, text: str) -> Moment:
        """The time of a row."""
        try:
            return self.form.read(text)
        except (ValueError, OverflowError) as error:
            kind = f"a time as {self.form.name}"
            if self.form is ISO or not self.form.dates:
                kind = "a date (2024-01-31)" if self.form.dates else "a number"
            advice = format_advice(text)
            other = f", or a form for all times, such as {advice}" if advice else ""
            raise UserError(
                f"{self.name}, line {line}: the time is {text[:40]!r}; expected {kind}{other}."
            ) from error

    def _word(self, column: str, cell: str) -> float:
        """The place of a word among those of its column; -1 for an unknown word."""
        known = self.words[column]
        if cell in known:
            return float(known.index(cell))
        return -1.0 if cell else np.nan

    def _number(self, line: int, column: str, given: Any) -> float:
        """The value of a cell; NaN where it is missing."""
        cell = cell_text(given)
        try:
            if cell.lower() in MISSING:
                value = np.nan
            else:  # what is a number already needs no decimal mark
                value = self.numbers.value(column, cell) if isinstance(given, str) else float(given)
        except (TypeError, ValueError) as error:
            mark = "comma" if self.numbers.decimal == "," else "point"
            kind = (
                str(error)
                if str(error).startswith("a number ")
                else f"a number with a decimal {mark}"
            )
            raise UserError(
                f"{self.name}, line {line}: {column} is {cell[:40]!r}; expected {kind}, or an empty "
                "cell where the value is missing."
            ) from error
        if abs(value) > LARGEST:
            wrong = f"{column} {number_trouble(str(value))}"
            raise UserError(f"{self.name}, line {line}: {wrong}; expected at most {LARGEST:.0e}.")
        return np.nan if self.zero_is_missing and value == 0 else value


def settle_clock(
    name: str,
    rows: dict[str, list[NumberRow]],
    asked: str,
    of_days: bool | None,
    problems: Problems,
) -> tuple[str, dict[str, list[NumberRow]]]:
    """Choose what the times of a table count, where they have offsets from UTC.

    Instants count in UTC, so that no hour is missing or doubled where the offset changes. Whole days
    follow the local calendar: from one midnight to the next there may be 23 hours.

    Args:
        name: the file, for errors.
        rows: the rows of each series; their times are what the clock shows.
        asked: what the times of the run's training table are: plain, utc or local; "" where no run is
            used, or one that did not keep it.
        of_days: whether the step of the run is whole days. None: there is no run.
        problems: takes rows with an offset among rows without, or the other way round.

    Returns:
        `plain` where there are no offsets, else `utc` or `local`; and the rows with such times.

    Raises:
        UserError: where the run was trained with offsets and the table has none, or the other way
            round.
    """
    everything = [row for own in rows.values() for row in own]
    aware = [row for row in everything if row.offset is not None]
    has_offsets = len(aware) * 2 > len(everything)
    if everything and asked and has_offsets != (asked != "plain"):
        have, had = ("an offset", "none") if has_offsets else ("no offset", "one")
        raise UserError(
            f"{name}: the times have {have} from UTC (as in 2024-01-31 13:00+01:00); the times that the "
            f"run was trained on have {had}. Write them in the same way."
        )
    kept: dict[str, list[NumberRow]] = {series: [] for series in rows}
    for series, own in rows.items():
        for row in own:
            if (row.offset is not None) == has_offsets:
                kept[series].append(row)
                continue
            has, others = ("no", "others have one") if has_offsets else ("an", "others have none")
            problems.bad(f"{name}, line {row.line}: the time has {has} offset from UTC; {others}.")
    kept = {series: own for series, own in kept.items() if own}
    if not has_offsets:
        return "plain", kept
    clock = asked or "utc"
    if not asked and of_days is None and len({row.time % DAY for row in aware}) == 1:
        clock = "local" if len(aware) > 1 else "utc"
    if clock == "local":
        return clock, kept
    return clock, {
        series: [row._replace(time=row.time - (row.offset or 0)) for row in own]
        for series, own in kept.items()
    }


def drop_repeated_times(
    name: str,
    series: str,
    rows: list[NumberRow],
    text_of: Callable[[float, float | None], str],
    problems: Problems,
) -> list[NumberRow]:
    """The first row of each time.

    Args:
        name: the file, for errors.
        series: the name of the series, or "".
        rows: sorted by time.
        text_of: a time and its offset as text.
        problems: takes the other rows.
    """
    kept: list[NumberRow] = []
    for row in rows:
        if kept and row.time == kept[-1].time:
            where = f" (series {series})" if series else ""
            hint = "." if series else ", or the column that names the series (--by)."
            problems.bad(
                f"{name}, line {row.line}: the time {text_of(row.time, row.offset)} is already in "
                f"line {kept[-1].line}{where}; expected each time once{hint}"
            )
        else:
            kept.append(row)
    return kept
