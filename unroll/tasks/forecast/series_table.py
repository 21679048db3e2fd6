"""Read one or many series from a table, or one series from a dictionary of columns."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.columns import TableRequest, find_series_columns, split_names
from unroll.tasks.forecast.grid import SeriesGrid
from unroll.tasks.forecast.rows import (
    NumberRow,
    RowParser,
    TextRow,
    distinct_words,
    drop_repeated_times,
    is_number_column,
    kind_of_times,
    read_text_rows,
)
from unroll.tasks.forecast.series import SeriesTable
from unroll.tasks.forecast.times import find_time_step

INPUT = "the input"  # how sentences name a dictionary of columns


def read_series(path: str | Path, request: TableRequest, problems: Problems) -> SeriesTable:
    """Read the series of a .csv or .tsv (or .gz of one) whose first line names the columns.

    When to use it: sales by store and day, weather, prices, load.

    Rows may be in any order. A series begins with its first known target. Missing values stay NaN
    here; `missing` only decides whether they are refused.

    Args:
        path: the file.
        request: which columns to read, and what to do about missing values.
        problems: takes single bad rows, with file and line: a repeated time, another number of
            cells, a cell that is not a number.

    Raises:
        UserError: for a file that is no such table, times between two steps, and missing times or
            values that may not be filled.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.problems import Problems
        >>> from unroll.tasks.forecast.columns import TableRequest
        >>> from unroll.tasks.forecast.series_table import read_series
        >>> _ = Path("a.csv").write_text("day,y\\n2024-01-02,5\\n2024-01-01,3\\n2024-01-03,4\\n")
        >>> table = read_series("a.csv", TableRequest(), Problems())
        >>> table.step.name, table.series[0].values[:, 0].tolist()
        ('day', [3.0, 5.0, 4.0])
    """
    name = str(path)
    names, rows = read_text_rows(name, problems)
    columns = find_series_columns(name, names, rows, request)
    at = {column: names.index(column) for column in (columns.time, *columns.values)}
    times = [row.cells[at[columns.time]] for row in rows]
    dates, format = kind_of_times(times, request.time_format, f"{name}, {columns.time}")
    words = {
        column: request.words.get(column) or distinct_words(name, column, at[column], rows)
        for column in columns.values[1:]
        if column in request.words
        or (request.step is None and not is_number_column(at[column], rows))
    }
    parser = RowParser(
        name, at[columns.time], [at[c] for c in columns.values], columns.values, dates, format,
        words, request.zero_is_missing,
    )  # fmt: skip
    place = names.index(columns.by) if columns.by else None
    parsed: dict[str, list[NumberRow]] = {}
    for row in rows:
        try:
            own_name = "" if place is None else row.cells[place].strip()
            parsed.setdefault(own_name, []).append(parser.parse(row))
        except UserError as error:
            problems.bad(str(error))
    in_order = all(a.time <= b.time for own in parsed.values() for a, b in pairwise(own))
    sorted_rows = {
        own_name: drop_repeated_times(name, own_name, sorted(own), dates, problems)
        for own_name, own in parsed.items()
    }
    if request.step is None and not any(len(own) > 1 for own in sorted_rows.values()):
        raise UserError(
            problems.with_messages(
                f"{name} has no two rows of the same series; expected values over time."
            )
        )
    step = request.step or find_time_step(
        [np.array([row.time for row in own]) for own in sorted_rows.values()], dates, request.every
    )
    grid = SeriesGrid(name, step, dates, columns.values, request)
    found = [grid.series(own_name, own, problems) for own_name, own in sorted_rows.items()]
    grid.refuse(problems)
    series = tuple(one for one in found if one is not None)
    if not series:
        raise UserError(
            problems.with_messages(f"{name} has no value of {columns.target}; expected numbers.")
        )
    messages = (
        [] if in_order else [f"The rows of {name} were not in order of time; they are sorted."]
    )
    return SeriesTable(
        name, columns.time, columns.by, columns.values, len(columns.known), step, dates, series,
        words, grid.missing, (*messages, *grid.messages()),
    )  # fmt: skip


def series_from_columns(
    columns: object, names: tuple[str, ...], request: TableRequest
) -> SeriesTable:
    """Read one series from a dictionary of lists: {"date": [...], "sales": [...]}.

    Args:
        columns: the dictionary; None in a list is a missing value. The column that names the
            series may be there too, with one name.
        names: the columns of values, the target first.
        request: what a run reads, with its step or the step to find.

    Raises:
        UserError: where a column is missing, or its list is not as long as the others.
    """
    time = request.time or ""
    lists = checked_lists(columns, (time, *names))
    cells = ["" if cell is None else str(cell) for cell in lists[time]]
    dates, format = kind_of_times(cells, request.time_format, INPUT)
    parser = RowParser(
        INPUT, 0, list(range(1, len(names) + 1)), names, dates, format, request.words,
        request.zero_is_missing,
    )  # fmt: skip
    text = zip(*(lists[name] for name in (time, *names)), strict=True)
    rows = [
        parser.parse(TextRow(n, ["" if cell is None else str(cell) for cell in row]))
        for n, row in enumerate(text, 1)
    ]
    if not rows:
        raise UserError("The lists of the input are empty; expected the steps of a series.")
    series = series_name(lists, request.by)
    problems = Problems(may_skip=False)
    step = request.step or find_time_step([np.array([row.time for row in rows])], dates, "auto")
    grid = SeriesGrid(INPUT, step, dates, names, request)
    one = grid.series(
        series, drop_repeated_times(INPUT, series, sorted(rows), dates, problems), problems
    )
    grid.refuse(problems)
    return SeriesTable(
        INPUT, time, request.by, names, len(split_names(request.known)), step, dates,
        (one,) if one is not None else (), request.words, grid.missing, tuple(grid.messages()),
    )  # fmt: skip


def checked_lists(columns: object, needed: tuple[str, ...]) -> Mapping[str, list[object]]:
    """A dictionary that has a list of one length for each needed column.

    Raises:
        UserError: where a list is missing, or the lists differ in length.
    """
    if not isinstance(columns, dict) or any(
        not isinstance(columns.get(name), list) for name in needed
    ):
        raise UserError(
            f"The input holds no series; expected an object with lists of {', '.join(needed)}."
        )
    sizes = {name: len(columns[name]) for name in needed}
    if len(set(sizes.values())) > 1:
        raise UserError(f"The lists of the input differ in length: {sizes}; expected one length.")
    return columns


def series_name(columns: Mapping[str, object], by: str | None) -> str:
    """The one name in the column that names the series, or "".

    Raises:
        UserError: where it holds several names.
    """
    given = columns.get(by) if by else None
    values = given if isinstance(given, list) else [given]
    names = sorted({str(value) for value in values if value is not None})
    if len(names) > 1:
        raise UserError(
            f"The input holds several series ({by}: {', '.join(names)[:80]}); expected one. Give "
            "each series as an input of its own."
        )
    return names[0] if names else ""
