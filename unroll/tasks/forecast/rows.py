"""The rows of a table as text, and their cells as times and numbers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.columns import is_number
from unroll.data.problems import Problems
from unroll.data.text import lines
from unroll.errors import UserError
from unroll.tasks.forecast.times import NUMERIC_DATE, find_time_format, format_time, seconds_of

MISSING = {
    "",
    "na",
    "nan",
    "n/a",
    "null",
    "none",
    "-",
    "?",
    ".",
}  # what a missing number looks like
MOST_WORDS = 50  # of a column of words
SAMPLED = 20  # cells, to see what a column holds


class TextRow(NamedTuple):
    """A row of a table as it is in the file.

    Attributes:
        line: its line, from 1.
        cells: one text for each column.
    """

    line: int
    cells: list[str]


class NumberRow(NamedTuple):
    """A row as numbers; rows sort by time.

    Attributes:
        time: seconds since 1970, or a plain number.
        line: its line, from 1.
        values: the target first; NaN where missing; the place of a word, -1 for an unknown word.
    """

    time: float
    line: int
    values: list[float]


def read_text_rows(name: str, problems: Problems) -> tuple[list[str], list[TextRow]]:
    """Read a .csv or .tsv (or .gz of one) whose first line names its columns.

    Args:
        name: the path of the file.
        problems: takes rows with another number of cells than the first line.

    Returns:
        The names of the columns, and the rows.

    Raises:
        UserError: where the file is not such a table.
    """
    text = lines(checked_file(name), name)
    first = next(text, "")
    if not first.strip():
        raise UserError(f"{name} is empty; expected a table whose first line names its columns.")
    delimiter = max("\t,;", key=first.count)
    names = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter))]
    is_data = any(is_number(each) or is_date(each) for each in names)
    if len(names) < 2 or len(set(names)) < len(names) or is_data:
        raise UserError(
            f"{name}, line 1: {first[:80]!r}; expected the different names of two or more columns, "
            "with tabs, commas or semicolons between them."
        )
    rows: list[TextRow] = []
    reader = csv.reader(text, delimiter=delimiter)
    for cells in checked_rows(reader, name):
        if not cells:
            continue
        line = reader.line_num + 1
        if len(cells) == len(names):
            rows.append(TextRow(line, cells))
        else:
            problems.bad(
                f"{name}, line {line}: {len(cells)} cells; expected {len(names)}, as line 1 has."
            )
    if not rows:
        raise UserError(f"{name} has no rows below its names; expected values over time.")
    return names, rows


def checked_file(name: str) -> Path:
    """The path of a file that exists.

    Raises:
        UserError: where there is no such file.
    """
    path = Path(name)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(
            f"{name[:200]} {what}; expected a table (.csv, .tsv) of values over time. Check the path, "
            f"from {Path.cwd()}."
        )
    return path


def checked_rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    """The rows of a csv reader; its errors become sentences.

    Raises:
        UserError: where the csv reader refuses a row.
    """
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(
            f"{name} cannot be read as a table: {error}. Check its quotation marks."
        ) from error


def is_date(text: str, format: str | None = None) -> bool:
    """Whether a cell is a date. format: how it is written; default: ISO."""
    try:
        seconds_of(text, format)
        return True
    except ValueError:
        return False


def is_date_column(cells: list[str], time_format: str | None) -> bool:
    """Whether most of these cells are dates, ISO or not."""
    dates = [is_date(c, time_format) or bool(NUMERIC_DATE.match(c.strip())) for c in cells]
    return sum(dates) * 2 > len(dates)


def is_number_column(column: int, rows: list[TextRow]) -> bool:
    """Whether most of the first cells of a column that are not missing are numbers."""
    cells = (row.cells[column].strip() for row in rows)
    first = list(islice((c for c in cells if c.lower() not in MISSING), SAMPLED))
    return sum(map(is_number, first)) * 2 >= len(first)


def kind_of_times(
    cells: list[str], time_format: str | None, column: str
) -> tuple[bool, str | None]:
    """Whether the times of a column are dates, and their format (None: ISO, or plain numbers).

    Raises:
        UserError: where it is not clear which number is the day and which the month; it names the column.
    """
    filled = [cell for cell in cells if cell.strip()]
    format = find_time_format(filled[:100_000], time_format, column)
    if format is not None:
        return True, format
    return sum(map(is_date, filled[:100])) * 2 > len(filled[:100]), None


def distinct_words(name: str, column: str, at: int, rows: list[TextRow]) -> list[str]:
    """The different words of a column, sorted.

    Raises:
        UserError: where there are more than 50.
    """
    words = sorted({row.cells[at].strip() for row in rows} - {""})
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
        time: the place of the time among the cells.
        places: the places of the columns.
        columns: their names.
        dates: whether times are dates.
        format: how dates are written; None for ISO.
        words: the known words of each column of words.
        zero_is_missing: whether zeros are missing values.
    """

    name: str
    time: int
    places: list[int]
    columns: tuple[str, ...]
    dates: bool
    format: str | None
    words: dict[str, list[str]]
    zero_is_missing: bool

    def parse(self, row: TextRow) -> NumberRow:
        """The time and the numbers of a row.

        Raises:
            UserError: with the line, for a cell that cannot be read.
        """
        time = self._time(row)
        cells = [row.cells[place].strip() for place in self.places]
        values = [
            self._word(column, cell)
            if column in self.words
            else self._number(row.line, column, cell)
            for column, cell in zip(self.columns, cells, strict=True)
        ]
        return NumberRow(time, row.line, values)

    def _time(self, row: TextRow) -> float:
        """The time of a row as a number."""
        text = row.cells[self.time].strip()
        try:
            time = seconds_of(text, self.format) if self.dates else float(text)
            if not np.isfinite(time):
                raise ValueError
        except ValueError as error:
            kind = f"a time as {self.format}" if self.format else "a date (2024-01-31)"
            raise UserError(
                f"{self.name}, line {row.line}: the time is {text!r}; expected "
                f"{kind if self.dates else 'a number'}."
            ) from error
        return time

    def _word(self, column: str, cell: str) -> float:
        """The place of a word among those of its column; -1 for an unknown word."""
        known = self.words[column]
        if cell in known:
            return float(known.index(cell))
        return -1.0 if cell else np.nan

    def _number(self, line: int, column: str, cell: str) -> float:
        """The value of a cell; NaN where it is missing."""
        try:
            value = np.nan if cell.lower() in MISSING else float(cell)
        except ValueError as error:
            raise UserError(
                f"{self.name}, line {line}: {column} is {cell[:40]!r}; expected a number with a "
                "decimal point, or an empty cell where the value is missing."
            ) from error
        if np.isinf(value):
            raise UserError(f"{self.name}, line {line}: {column} is infinite.")
        return np.nan if self.zero_is_missing and value == 0 else value


def drop_repeated_times(
    name: str, series: str, rows: list[NumberRow], dates: bool, problems: Problems
) -> list[NumberRow]:
    """The first row of each time.

    Args:
        name: the file, for errors.
        series: the name of the series, or "".
        rows: sorted by time.
        dates: whether times are dates.
        problems: takes the other rows.
    """
    kept: list[NumberRow] = []
    for row in rows:
        if kept and row.time == kept[-1].time:
            where = f" (series {series})" if series else ""
            hint = "." if series else ", or the column that names the series (--by)."
            problems.bad(
                f"{name}, line {row.line}: the time {format_time(row.time, dates)} is already in "
                f"line {kept[-1].line}{where}; expected each time once{hint}"
            )
        else:
            kept.append(row)
    return kept
