"""Read one or many series from a table, or one series from a dictionary of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from unroll.data.class_labels import different_classes, without_point
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.columns import TableRequest, find_series_columns, split_names
from unroll.tasks.forecast.grid import SeriesGrid
from unroll.tasks.forecast.number_forms import NumberForm, find_number_form
from unroll.tasks.forecast.rows import (
    NumberRow,
    RowParser,
    TextRow,
    cell_text,
    distinct_words,
    drop_repeated_times,
    is_number_column,
    read_text_rows,
    settle_clock,
    time_form_of,
    written_numbers,
)
from unroll.tasks.forecast.series import SeriesTable, local_time
from unroll.tasks.forecast.time_columns import TimeColumn, asked_parts
from unroll.tasks.forecast.time_forms import EPOCH_NAMES, ISO, TimeForm
from unroll.tasks.forecast.times import find_time_step, format_time

FEWEST_STEPS = 10  # steps, from which on a column that never falls is left out
INPUT = "the input"  # how sentences name a dictionary of columns


def read_series(path: str | Path, request: TableRequest, problems: Problems) -> SeriesTable:
    """Read the series of a table of any form whose columns have names.

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
    names, rows, semicolons, notes = read_text_rows(name, problems)
    columns = find_series_columns(name, names, rows, request)
    places = [names.index(column) for column in columns.values]
    words = {
        column: request.words.get(column) or distinct_words(name, column, place, rows)
        for column, place in zip(columns.values[1:], places[1:], strict=True)
        if column in request.words or (request.step is None and not is_number_column(place, rows))
    }
    times = columns.time.texts(names, rows)
    form = form_of_times(name, columns.time.name, times, request)
    european = semicolons or form.name.startswith("%d.")  # as where commas are decimal marks
    parser = RowParser(
        name, places, columns.values, form,
        form_of_numbers(name, columns.values, places, rows, words, request, european), words,
        request.zero_is_missing,
    )  # fmt: skip
    place = names.index(columns.by) if columns.by else None
    parsed: dict[str, list[NumberRow]] = {}
    written = [""] if place is None else [cell_text(row.cells[place]) for row in rows]
    series = known_series(written, request.series)
    for row, time in zip(rows, times, strict=True):
        try:
            own_name = "" if place is None else cell_text(row.cells[place])
            if place is not None and not own_name:
                raise UserError(
                    f"{name}, line {row.line}: no {columns.by}; expected the name of the series (--by)."
                )
            parsed.setdefault(series[own_name], []).append(parser.parse(row, time))
        except UserError as error:
            problems.bad(str(error))
    left_out: list[str] = []
    if request.past == "all":
        parser, left_out = without_growing(parser, len(columns.past), parsed)
    table = table_of_rows(
        name, columns.time.name, columns.by, len(columns.known), parser, parsed, request, problems
    )
    like, said = request.like, [*columns.messages, *left_out]
    # what is read as the training table was has been said in training
    if like is None or like.time_form != form.name:
        said += describe_times(name, columns.time.name, times, form)
    if like is None or like.decimal != parser.numbers.decimal:
        said += parser.numbers.messages
    return replace(table, messages=(*said, *table.messages, *(notes if like is None else ())))


def known_series(names: Iterable[str], known: Sequence[str] = ()) -> dict[str, str]:
    """For each name of a series, the name that is used for it.

    Names that are whole numbers, 1 and 1.0, are one series: a column of numbers with missing values
    comes back with 1.0 for 1.

    Args:
        names: as they are written.
        known: the names of the run; where there is none, of those that are the same the shortest.
    """
    names = set(names)
    kept = different_classes(known or names - {""})
    if not all(without_point(each).removeprefix("-").isdecimal() for each in kept):
        return {name: name for name in names}
    by_number = {without_point(each): each for each in kept}
    return {
        name: name if name in known else by_number.get(without_point(name), name) for name in names
    }


def table_of_rows(
    name: str,
    time: str,
    by: str | None,
    ahead: int,
    parser: RowParser,
    parsed: dict[str, list[NumberRow]],
    request: TableRequest,
    problems: Problems,
) -> SeriesTable:
    """Put parsed rows in order, on the grid of their step.

    Args:
        name: the file, for errors.
        time: the column of times.
        by: the column that names the series, or None.
        ahead: how many columns are known ahead.
        parser: what the rows were parsed by.
        parsed: the rows of each series, in the order of the file.
        request: what was to be read.
        problems: takes single bad rows.

    Raises:
        UserError: as of `read_series`.
    """
    dates = parser.form.dates
    like = request.like.clock if request.like else ""
    of_days = request.step.of_days if request.step and not like else None
    clock, parsed = settle_clock(name, parsed, like, of_days, problems)

    def text_of(moment: float, offset: float | None) -> str:
        return format_time(local_time(moment, offset, clock), dates, offset)

    in_order = all(a.time <= b.time for own in parsed.values() for a, b in pairwise(own))
    rows = {
        series: drop_repeated_times(name, series, sorted(own), text_of, problems)
        for series, own in parsed.items()
    }
    if request.step is None and not any(len(own) > 1 for own in rows.values()):
        raise UserError(
            problems.with_messages(
                f"{name} has no two rows of the same series; expected values over time."
            )
        )
    step = request.step or find_time_step(
        [np.array([row.time for row in own]) for own in rows.values()], dates, request.every
    )
    grid = SeriesGrid(name, step, text_of, parser.columns, request)
    found = [grid.series(series, own, problems) for series, own in rows.items()]
    grid.refuse(problems)
    series = tuple(one for one in found if one is not None)
    if not series:
        raise UserError(
            problems.with_messages(f"{name} has no value of {parser.columns[0]}; expected numbers.")
        )
    messages = (
        [] if in_order else [f"The rows of {name} were not in order of time; they are sorted."]
    )
    return SeriesTable(
        name, time, by, parser.columns, ahead, step, dates, series, parser.words, grid.missing,
        (*messages, *grid.messages()), clock, parser.form.name, parser.numbers,
    )  # fmt: skip


def form_of_times(name: str, column: str, times: list[str], request: TableRequest) -> TimeForm:
    """How the times of a table are written, as of `time_form_of`."""
    like = request.like.time_form if request.like else None
    return time_form_of(times, request.time_format, f"{name}, {column}", like)


def form_of_numbers(
    name: str,
    columns: tuple[str, ...],
    places: list[int],
    rows: list[TextRow],
    words: dict[str, list[str]],
    request: TableRequest,
    european: bool = False,
) -> NumberForm:
    """How the numbers of the columns that are not words are written, as of `find_number_form`."""
    cells = {
        column: written_numbers(rows, place)
        for column, place in zip(columns, places, strict=True)
        if column not in words
    }
    like = request.like
    return find_number_form(
        name, cells, (request.decimal, request.thousands),
        like.decimal if like else None, like.units if like else None, european,
    )  # fmt: skip


def without_growing(
    parser: RowParser, past: int, rows: dict[str, list[NumberRow]]
) -> tuple[RowParser, list[str]]:
    """Leave out covariates that never fall: numbers of rows, years; nothing can be learned of them.

    Args:
        parser: its columns are the target, then so many past columns, then others.
        past: how many columns are covariates.
        rows: the rows of each series; the values of skipped columns are removed.

    Returns:
        The parser without those columns, and sentences on them.
    """
    growing = []
    for k in range(1, past + 1):
        if parser.columns[k] in parser.words:
            continue
        series = [np.array([row.values[k] for row in sorted(own)]) for own in rows.values()]
        steps = [np.diff(values[~np.isnan(values)]) for values in series]
        if sum(map(len, steps)) < FEWEST_STEPS or any((each < 0).any() for each in steps):
            continue
        growing.append(k)
    if not growing:
        return parser, []
    kept = [k for k in range(len(parser.columns)) if k not in growing]
    for own in rows.values():
        own[:] = [row._replace(values=[row.values[k] for k in kept]) for row in own]
    names = [parser.columns[k] for k in growing]
    parser = replace(
        parser,
        columns=tuple(parser.columns[k] for k in kept),
        places=[parser.places[k] for k in kept],
    )
    return parser, [
        f"{name} never falls and is left out of the covariates (--covariates {name} reads it)."
        for name in names
    ]


def describe_times(name: str, column: str, times: list[str], form: TimeForm) -> list[str]:
    """A sentence on times that are not ISO dates or plain numbers, with an example."""
    example = next((time.strip() for time in times if time.strip() and form.fits(time)), None)
    if form is ISO or not form.dates or example is None:
        return []
    moment = form.read(example)
    kind = f"{EPOCH_NAMES[form.name]} since 1970" if form.name in EPOCH_NAMES else form.name
    years = "; two digits of a year are 1941 to 2040" if "%y" in form.name else ""
    return [
        f"The times in {column} are read as {kind}: {example} is "
        f"{format_time(moment.clock, True, moment.offset)}{years} (--set time_format=...)."
    ]


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
    keys = [str(key) for key in columns] if isinstance(columns, dict) else []
    parts = asked_parts(INPUT, keys, time, True) if keys else (time,)
    lists = checked_lists(columns, (*parts, *names))
    text = zip(*(lists[name] for name in (*parts, *names)), strict=True)
    rows = [TextRow(n, list(row)) for n, row in enumerate(text, 1)]
    if not rows:
        raise UserError("The lists of the input are empty; expected the steps of a series.")
    times = TimeColumn(time, parts).texts([*parts, *names], rows)
    places = list(range(len(parts), len(parts) + len(names)))
    parser = RowParser(
        INPUT, places, names, form_of_times(INPUT, time, times, request),
        form_of_numbers(INPUT, names, places, rows, request.words, request), request.words,
        request.zero_is_missing,
    )  # fmt: skip
    name = series_name(lists, request.by)
    series = known_series([name], request.series)[name]
    parsed = {series: [parser.parse(row, cell) for row, cell in zip(rows, times, strict=True)]}
    ahead = len(split_names(request.known))
    return table_of_rows(
        INPUT, time, request.by, ahead, parser, parsed, request, Problems(may_skip=False)
    )


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
