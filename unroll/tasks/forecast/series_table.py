"""Tables of values over time: one or many series, a row a time, with their gaps found."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.columns import is_number
from unroll.data.problems import Problems
from unroll.data.text import lines
from unroll.errors import UserError
from unroll.tasks.forecast.times import (
    PARTS,
    Step,
    find_format,
    find_step,
    seconds_of,
    written_time,
)

NOTHING = {"", "na", "nan", "n/a", "null", "none", "-", "?", "."}
MOST_WORDS = 50  # of a column of words
LOOKED_AT = 20  # cells, to see what a column holds
SPREAD = 20  # times as many steps as rows are no gaps any more, but no grid
Row = tuple[int, list[str]]  # line, cells


@dataclass(frozen=True)
class Series:
    """One series. name: what `by` says of it, or "". times: [T], a step apart. values: [T, C], the
    target first, NaN where missing. lines: [T], 0 where the table has no such row. end: how many
    steps there are up to the last known target; rows after it say what is known of the future.
    first: the first value of a series whose first `earlier` steps are not here; else NaN."""

    name: str
    times: np.ndarray
    values: np.ndarray
    lines: np.ndarray
    end: int
    first: float = math.nan
    earlier: int = 0

    def __len__(self) -> int:
        return self.end


@dataclass(frozen=True)
class SeriesTable:
    """What a table holds. columns: names, the target first, then those read up to the present, then
    the `ahead` ones whose future is known. words: the words of columns that are no numbers, by
    name; their values are numbers of these. missing: values that were not there, or zeros, and
    times. said: what was found, in sentences."""

    name: str
    time: str
    by: str | None
    columns: tuple[str, ...]
    ahead: int
    step: Step
    dates: bool
    series: tuple[Series, ...]
    words: dict[str, list[str]]
    missing: int
    said: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of names, times and values."""
        digest = hashlib.sha256("\0".join(self.columns).encode())
        for one in self.series:
            digest.update(one.name.encode() + b"\0" + one.times.tobytes() + one.values.tobytes())
        digest.update(repr(sorted(self.words.items())).encode())
        return digest.hexdigest()

    def at(self, time: float) -> str:
        """A time as it is shown."""
        return written_time(time, self.dates)


@dataclass(frozen=True)
class Wanted:
    """What to read of a table, by names of its columns (or numbers, from 1); None: found."""

    time: str | None = None
    target: str | None = None
    by: str | None = None
    past: str | tuple[str, ...] | None = None
    known: str | tuple[str, ...] | None = None
    time_format: str | None = None
    every: str = "auto"
    missing: str = "refuse"
    zero_is_missing: bool = False
    words: dict[str, list[str]] = field(default_factory=dict)
    step: Step | None = None


def read_series(path: str | Path, wanted: Wanted, problems: Problems) -> SeriesTable:
    """The series of a .csv or .tsv (or .gz of one) whose first line names the columns.

    When to use it: sales by store and day, weather, prices, load.
    wanted: which columns, and what to do about missing values. problems: of single rows.

    Rows may come in any order. A time that stands twice in a series, a row of another width, a
    cell that is no number: `problems`, with the line. Times between two steps, and times or values
    that are missing, are refused with how many and where the first is, unless `wanted.missing` says
    otherwise; the values stay NaN here. A series begins with its first known target.
    Raises: UserError for a table that cannot be read so.

    Example:
        >>> from pathlib import Path
        >>> from unroll.data.problems import Problems
        >>> from unroll.tasks.forecast.series_table import Wanted, read_series
        >>> _ = Path("a.csv").write_text("day,y\\n2024-01-02,5\\n2024-01-01,3\\n2024-01-03,4\\n")
        >>> table = read_series("a.csv", Wanted(), Problems())
        >>> table.step.name, table.series[0].values[:, 0].tolist()
        ('day', [3.0, 5.0, 4.0])
    """
    name = str(path)
    place = checked_file(name)
    names, rows = table_rows(place, name, problems)
    time, target, by, past, known = find_columns(name, names, rows, wanted)
    columns = (target, *past, *known)
    at = {column: names.index(column) for column in (time, *columns)}
    dates, format = kind_of_time([row[at[time]] for _, row in rows], wanted, f"{name}, {time}")
    words = {
        column: wanted.words.get(column) or words_of(name, column, at[column], rows)
        for column in columns[1:]
        if column in wanted.words or (wanted.step is None and not numeric(at[column], rows))
    }
    reader = RowReader(name, at[time], [at[c] for c in columns], columns, dates, format, words)
    found: dict[str, list[tuple[float, int, list[float]]]] = {}
    for line, row in rows:
        try:
            of = row[names.index(by)].strip() if by else ""
            read = reader.read(line, row, wanted.zero_is_missing)
            found.setdefault(of, []).append(read)
        except UserError as error:
            problems.bad(str(error))
    unsorted, sorted_rows = 0, {}
    for of, each in found.items():
        unsorted += any(a[0] > b[0] for a, b in pairwise(each))
        sorted_rows[of] = without_repeats(name, of, sorted(each), dates, problems)
    if wanted.step is None and not any(len(each) > 1 for each in sorted_rows.values()):
        raise UserError(
            problems.with_messages(
                f"{name} has no two rows of a series; expected values over time."
            )
        )
    step = wanted.step or find_step(
        [np.array([row[0] for row in each]) for each in sorted_rows.values()], dates, wanted.every
    )
    said = (
        [] if not unsorted else [f"The rows of {name} are not in order of time; they are sorted."]
    )
    gaps = Gaps(name, step, dates, columns, wanted)
    series = [
        made
        for of, each in sorted_rows.items()
        if (made := gaps.series_of(of, each, problems)) is not None
    ]
    gaps.refuse(problems)
    if not series:
        raise UserError(problems.with_messages(f"{name} has no value of {target}; expected some."))
    said += gaps.said()
    return SeriesTable(
        name, time, by, columns, len(known), step, dates, tuple(series), words,
        gaps.values + gaps.times, tuple(said),
    )  # fmt: skip


def checked_file(name: str) -> Path:
    place = Path(name)
    if not place.is_file():
        what = "is a folder" if place.is_dir() else "does not exist"
        raise UserError(
            f"{name[:200]} {what}; expected a table (.csv, .tsv) of values over time. Check the path, "
            f"from {Path.cwd()}."
        )
    return place


def table_rows(place: Path, name: str, problems: Problems) -> tuple[list[str], list[Row]]:
    """The names of the columns, and the rows of their width."""
    text = lines(place, name)
    first = next(text, "")
    if not first.strip():
        raise UserError(f"{name} is empty; expected a table whose first line names its columns.")
    mark = max("\t,;", key=first.count)
    names = [cell.strip() for cell in next(csv.reader([first], delimiter=mark))]
    if len(names) < 2 or len(set(names)) < len(names) or any(is_value(each) for each in names):
        raise UserError(
            f"{name}, line 1: {first[:80]!r}; expected the different names of two or more columns, "
            "with tabs, commas or semicolons between them."
        )
    rows: list[Row] = []
    reader = csv.reader(text, delimiter=mark)
    for cells in csv_rows(reader, name):
        if not cells:
            continue
        line = reader.line_num + 1
        if len(cells) == len(names):
            rows.append((line, cells))
        else:
            problems.bad(
                f"{name}, line {line}: {len(cells)} cells; expected {len(names)}, as line 1 has."
            )
    if not rows:
        raise UserError(f"{name} has no rows below its names; expected values over time.")
    return names, rows


def csv_rows(reader: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(
            f"{name} cannot be read as a table: {error}. Look at its quotes."
        ) from error


def is_value(text: str) -> bool:
    """Whether it is a number or a date, so no name."""
    return is_number(text) or is_date(text)


def is_date(text: str, format: str | None = None) -> bool:
    try:
        seconds_of(text, format)
        return True
    except ValueError:
        return False


def mostly_dates(cells: list[str], wanted: Wanted) -> bool:
    found = [is_date(c, wanted.time_format) or bool(PARTS.match(c.strip())) for c in cells]
    return sum(found) * 2 > len(found)


def numeric(column: int, rows: list[Row]) -> bool:
    """Whether most of the first cells of a column that hold something hold numbers."""
    cells = (row[column].strip() for _, row in rows)
    first = list(islice((c for c in cells if c.lower() not in NOTHING), LOOKED_AT))
    return sum(map(is_number, first)) * 2 >= len(first)


def find_columns(
    name: str, names: list[str], rows: list[Row], wanted: Wanted
) -> tuple[str, str, str | None, tuple[str, ...], tuple[str, ...]]:
    """time, target, by, columns read up to the present, and those known ahead.

    Raises: UserError where one is not there, or stands twice.
    """

    def one(text: str, flag: str) -> str:
        if text in names:
            return text
        if text.isdigit() and 1 <= int(text) <= len(names):
            return names[int(text) - 1]
        if wanted.step is not None:
            raise UserError(
                f"{name} has the columns {', '.join(names)}; expected {text} among them, which the run "
                "learned from."
            )
        raise UserError(
            f"{flag} got {text!r}; {name} has the columns {', '.join(names)}. Name one of them."
        )

    by = one(wanted.by, "--by") if wanted.by else None
    if wanted.time:
        time = one(wanted.time, "--time")
    else:
        sample = [row for _, row in rows[:LOOKED_AT]]
        dated = [
            each for k, each in enumerate(names) if mostly_dates([r[k] for r in sample], wanted)
        ]
        if not dated:
            raise UserError(
                f"{name} has no column of dates among {', '.join(names)}; say which column holds "
                "the times by --time NAME."
            )
        time = dated[0]
    known = tuple(one(c, "--set known") for c in parted(wanted.known))
    target = one(wanted.target, "--target") if wanted.target else ""
    past_names = parted(wanted.past)
    if not target:
        used = {time, by, *known, *(one(c, "--covariates") for c in past_names if c != "all")}
        free = [c for k, c in enumerate(names) if c not in used and numeric(k, rows)]
        if len(free) != 1:
            listed = f" ({', '.join(free)})" if free else ""
            raise UserError(
                f"{name} has {len(free)} columns of numbers{listed}; say which one to forecast by "
                "--target NAME."
            )
        target = free[0]
    if past_names == ["all"]:
        past = tuple(c for c in names if c not in {time, by, target, *known})
    else:
        past = tuple(one(c, "--covariates") for c in past_names)
    chosen = [time, target, *([by] if by else []), *past, *known]
    twice = next((c for c in chosen if chosen.count(c) > 1), None)
    if twice is not None:
        raise UserError(
            f"The column {twice} of {name} is asked for twice, among --time, --target, --by, "
            "--covariates and --set known; expected once. The target's own past is always read."
        )
    at = names.index(target)
    if not numeric(at, rows):
        cells = ((n, row[at].strip()) for n, row in rows)
        line, cell = next((n, c) for n, c in cells if c.lower() not in NOTHING and not is_number(c))
        raise UserError(
            f"{name}, line {line}: {target} is {cell[:40]!r}; expected numbers with a point to "
            "forecast (--target)."
        )
    return time, target, by, past, known


def parted(columns: str | tuple[str, ...] | None) -> list[str]:
    """Names with commas between, or one by one."""
    if isinstance(columns, tuple):
        return list(columns)
    return [name.strip() for name in (columns or "").split(",") if name.strip()]


def kind_of_time(cells: list[str], wanted: Wanted, where: str) -> tuple[bool, str | None]:
    """Whether times are dates, and how they are written."""
    words = [cell for cell in cells if cell.strip()]
    format = find_format(words[:100_000], wanted.time_format, where)
    if format is not None:
        return True, format
    return sum(map(is_date, words[:100])) * 2 > len(words[:100]), None


def words_of(name: str, column: str, at: int, rows: list[Row]) -> list[str]:
    """The words of a column that is no numbers, sorted."""
    found = sorted({row[at].strip() for _, row in rows} - {""})
    if len(found) > MOST_WORDS:
        raise UserError(
            f"The column {column} of {name} holds {len(found)} different words, such as "
            f"{found[0]!r}; expected numbers, or at most {MOST_WORDS} words. Leave it out."
        )
    return found


@dataclass(frozen=True)
class RowReader:
    """A row's time and numbers."""

    name: str
    time: int
    places: list[int]
    columns: tuple[str, ...]
    dates: bool
    format: str | None
    words: dict[str, list[str]]

    def read(
        self, line: int, row: list[str], zero_is_missing: bool
    ) -> tuple[float, int, list[float]]:
        """Raises: UserError with the line, and what is wrong in it."""
        text = row[self.time].strip()
        try:
            time = seconds_of(text, self.format) if self.dates else float(text)
            if not np.isfinite(time):
                raise ValueError
        except ValueError as error:
            kind = f"a time as {self.format}" if self.format else "a date (2024-01-31)"
            raise UserError(
                f"{self.name}, line {line}: the time is {text!r}; expected "
                f"{kind if self.dates else 'a number'}."
            ) from error
        values = []
        for place, column in zip(self.places, self.columns, strict=True):
            cell = row[place].strip()
            if column in self.words:
                # a word that was not learned is no word
                known = self.words[column]
                values.append(
                    float(known.index(cell)) if cell in known else -1.0 if cell else np.nan
                )
                continue
            try:
                value = np.nan if cell.lower() in NOTHING else float(cell)
            except ValueError as error:
                raise UserError(
                    f"{self.name}, line {line}: {column} is {cell[:40]!r}; expected a number with a "
                    "point, or nothing where it is missing."
                ) from error
            if np.isinf(value):
                raise UserError(f"{self.name}, line {line}: {column} is infinite.")
            values.append(np.nan if zero_is_missing and value == 0 else value)
        return time, line, values


def without_repeats(
    name: str,
    of: str,
    rows: list[tuple[float, int, list[float]]],
    dates: bool,
    problems: Problems,
) -> list[tuple[float, int, list[float]]]:
    """The first row of each time."""
    kept: list[tuple[float, int, list[float]]] = []
    for row in rows:
        if kept and row[0] == kept[-1][0]:
            problems.bad(
                f"{name}, line {row[1]}: the time {written_time(row[0], dates)} stands in line "
                f"{kept[-1][1]} already{f' (series {of})' if of else ''}; expected each once"
                + ("." if of else ", or the column that names the series (--by).")
            )
        else:
            kept.append(row)
    return kept


class Gaps:
    """Puts series on the grid of their steps, and counts what is not there."""

    def __init__(
        self, name: str, step: Step, dates: bool, columns: tuple[str, ...], wanted: Wanted
    ) -> None:
        self.name, self.step, self.dates = name, step, dates
        self.columns, self.wanted = columns, wanted
        self.values = self.times = self.off = self.late = 0
        self._first: dict[str, str] = {}  # where the first of each kind is

    def series_of(
        self, of: str, rows: list[tuple[float, int, list[float]]], problems: Problems
    ) -> Series | None:
        """A series from its first known target; None where there is none."""
        times = np.array([row[0] for row in rows])
        lines = np.array([row[1] for row in rows])
        values = np.array([row[2] for row in rows])
        given = np.flatnonzero(~np.isnan(values[:, 0]))
        series = f" of the series {of}" if of else ""
        if not len(given) and self.wanted.step is not None:
            end = 0  # all of it is known ahead, of a series that goes on
        elif not len(given):
            problems.bad(f"{self.name}: no value of {self.columns[0]}{series}.")
            return None
        else:
            if given[0]:
                self.late += int(given[0])
                self._note("late", lines[0], "")
            times, lines, values = (part[given[0] :] for part in (times, lines, values))
            end = int(given[-1] - given[0]) + 1
        if not self.step.loose:
            at = self.step.positions(times)
            for wrong in np.flatnonzero(np.isnan(at)):
                self.off += 1
                self._note("off", lines[wrong], written_time(times[wrong], self.dates))
            if np.isnan(at).any():
                return None
            places = at.astype(np.int64)
            room = int(places[-1]) + 1
            if room > SPREAD * len(times) + 1000:
                raise UserError(
                    f"{self.name}: the {len(times):,} times{series} lie {room:,} steps of "
                    f"{self.step.long} apart; expected steps of one size. Say the right one by "
                    "--set every=..., or --set every=row to take each row for a step."
                )
            if room > len(times):
                self.times += room - len(times)
                hole = int(np.flatnonzero(np.diff(places) > 1)[0])
                self._note(
                    "times", lines[hole],
                    written_time(self.step.after(times[hole], 1), self.dates),
                )  # fmt: skip
                full = np.full((room, values.shape[1]), np.nan)
                full[places] = values
                sparse = np.zeros(room, dtype=lines.dtype)
                sparse[places] = lines
                before = np.zeros(room, dtype=np.int64)
                before[places] = np.arange(len(times))
                before = np.maximum.accumulate(before)
                steps = np.arange(room) - places[before]
                times = np.array(
                    [
                        times[k] if not n else self.step.after(times[k], int(n))
                        for k, n in zip(before, steps, strict=True)
                    ]
                )
                end = int(places[end - 1]) + 1 if end else 0
                values, lines = full, sparse
        holes = np.isnan(values[:end]) & (lines[:end, None] > 0)
        self.values += int(holes.sum())
        for row, column in np.argwhere(holes)[:1]:
            self._note("values", lines[row], self.columns[column])
        return Series(of, times, values, lines, end)

    def _note(self, kind: str, line: int, what: str) -> None:
        self._first.setdefault(kind, f"line {line}{f' ({what})' if what else ''}")

    def refuse(self, problems: Problems) -> None:
        """Raises: UserError for what is missing and is not to be filled."""
        if self.off:
            if self.wanted.step is not None:
                whose, hint = "that the run learned from", "Give times of that grid."
            elif self.wanted.every in ("auto", "row"):
                whose = "that most of them make"
                hint = (
                    "Say the step by --set every=..., or --set every=row to take each row for one."
                )
            else:
                whose = f"that --set every={self.wanted.every} asks for"
                hint = "Leave it out, or give --set every=row to take each row for one."
            raise UserError(
                f"{self.name}: {counted(self.off, 'time is', 'times are')} not on the grid of steps of "
                f"{self.step.long} {whose}; the first is in {self._first['off']}. {hint}"
            )
        if self.wanted.missing == "refuse" and (self.times or self.values):
            rows = self.times and self.wanted.step is None
            raise UserError(
                problems.with_messages(
                    f"{self.name}: {' and '.join(self.found())}. Say what to do: --set "
                    "missing=interpolate, --set missing=last"
                    + (", or --set every=row to take each row for a step." if rows else ".")
                )
            )

    def found(self) -> list[str]:
        """What is missing, in words."""
        said = []
        if self.times:
            are = counted(self.times, "time is", "times are")
            said.append(
                f"{are} missing at steps of {self.step.long}, the first "
                f"after {self._first['times'].replace(' (', ': ').rstrip(')')}"
            )
        if self.values:
            zeros = ", zeros among them" if self.wanted.zero_is_missing else ""
            are = counted(self.values, "value is", "values are")
            said.append(f"{are} missing{zeros}, the first in {self._first['values']}")
        return said

    def said(self) -> list[str]:
        how = {"interpolate": "filled on a straight line", "last": "filled with the last value"}
        said = [
            f"{sentence}; {how[self.wanted.missing]} (--set missing=...)."
            for sentence in self.found()
        ]
        if self.late:
            are = "is" if self.late == 1 else "are"
            said.append(
                f"{counted(self.late, 'row')} before the first known {self.columns[0]} {are} left out, "
                f"the first in {self._first['late']}."
            )
        return said


def series_of_columns(columns: object, names: tuple[str, ...], wanted: Wanted) -> SeriesTable:
    """One series from a dictionary of lists, {"date": [...], "sales": [...]}; None is missing.

    names: of the columns of numbers and words. wanted: of a run. Its `by` may be there, with the
    one name of the series.
    Raises: UserError where a column is not there, or is not as long as the others.
    """
    time = wanted.time or ""
    needed = (time, *names)
    if not isinstance(columns, dict) or any(
        not isinstance(columns.get(name), list) for name in needed
    ):
        raise UserError(
            f"The input holds no series; expected an object with lists of {', '.join(needed)}."
        )
    sizes = {name: len(columns[name]) for name in needed}
    if len(set(sizes.values())) > 1:
        raise UserError(f"The lists of the input are not of one length: {sizes}.")
    cells = ["" if cell is None else str(cell) for cell in columns[time]]
    dates, format = kind_of_time(cells, wanted, "the input")
    reader = RowReader(
        "the input", 0, list(range(1, len(needed))), names, dates, format, wanted.words
    )
    rows = [
        reader.read(
            n + 1,
            [cells[n], *("" if (c := columns[name][n]) is None else str(c) for name in names)],
            wanted.zero_is_missing,
        )
        for n in range(len(cells))
    ]
    if not rows:
        raise UserError("The lists of the input are empty; expected the steps of a series.")
    of = columns.get(wanted.by) if wanted.by else None
    own = sorted({str(name) for name in (of if isinstance(of, list) else [of]) if name is not None})
    if len(own) > 1:
        raise UserError(
            f"The input holds several series ({wanted.by}: {', '.join(own)[:80]}); expected one. Give "
            "each an input of its own."
        )
    problems = Problems(may_skip=False)
    step = wanted.step or find_step([np.array([row[0] for row in rows])], dates, "auto")
    gaps = Gaps("the input", step, dates, names, wanted)
    name = own[0] if own else ""
    distinct = without_repeats("the input", name, sorted(rows), dates, problems)
    made = gaps.series_of(name, distinct, problems)
    gaps.refuse(problems)
    return SeriesTable(
        "the input", time, wanted.by, names, len(parted(wanted.known)),
        step, dates, (made,) if made is not None else (), wanted.words, gaps.values + gaps.times,
        tuple(gaps.said()),
    )  # fmt: skip
