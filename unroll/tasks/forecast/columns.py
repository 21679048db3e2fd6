"""Which columns of a table hold the time, the target, the series and what is read beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from unroll.data.columns import is_number
from unroll.errors import UserError
from unroll.tasks.forecast.rows import (
    MISSING,
    SAMPLED,
    TextRow,
    is_date_column,
    is_number_column,
)
from unroll.tasks.forecast.times import TimeStep


@dataclass(frozen=True)
class TableRequest:
    """What to read of a table; columns by name, or by number from 1.

    Attributes:
        time: the column of times. None: the first column of dates.
        target: the column to forecast. None: the only column of numbers.
        by: the column that names the series. None: one series.
        past: columns to read up to the present: names with commas between, or "all".
        known: columns that are known ahead.
        time_format: how dates are written. None: ISO, or what fits.
        every: the step between rows, as the setting `every`.
        missing: what to do with missing values and times: refuse, interpolate or last.
        zero_is_missing: whether zeros are missing values.
        words: the words that a run knows of each column of words.
        step: the step that a run was trained with; None where a table is read for training.
    """

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
    step: TimeStep | None = None


@dataclass(frozen=True)
class SeriesColumns:
    """The columns of a table by what they are for.

    Attributes:
        time: the column of times.
        target: the column to forecast.
        by: the column that names the series, or None.
        past: columns that are read up to the present.
        known: columns that are known ahead.
    """

    time: str
    target: str
    by: str | None
    past: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """All columns of values, the target first."""
        return (self.target, *self.past, *self.known)


def find_series_columns(
    name: str, names: list[str], rows: list[TextRow], request: TableRequest
) -> SeriesColumns:
    """Find the columns that a request names, and guess those it leaves open.

    Args:
        name: the file, for errors.
        names: all columns.
        rows: all rows.
        request: what to read.

    Raises:
        UserError: where a column does not exist, is asked for twice, or cannot be guessed, or the
            target holds no numbers.
    """
    finder = ColumnFinder(name, names, request)
    by = finder.find(request.by, "--by") if request.by else None
    time = finder.find(request.time, "--time") if request.time else finder.guess_time(rows)
    known = tuple(finder.find(c, "--set known") for c in split_names(request.known))
    past_names = split_names(request.past)
    if request.target:
        target = finder.find(request.target, "--target")
    else:
        past = [finder.find(c, "--covariates") for c in past_names if c != "all"]
        target = finder.guess_target(rows, {time, by, *known, *past})
    if past_names == ["all"]:
        past = [c for c in names if c not in {time, by, target, *known}]
    else:
        past = [finder.find(c, "--covariates") for c in past_names]
    chosen = [time, target, *([by] if by else []), *past, *known]
    twice = next((c for c in chosen if chosen.count(c) > 1), None)
    if twice is not None:
        raise UserError(
            f"The column {twice} of {name} is asked for twice, among --time, --target, --by, "
            "--covariates and --set known; expected it once. The target's own past is always read."
        )
    finder.check_target(rows, target)
    return SeriesColumns(time, target, by, tuple(past), known)


@dataclass(frozen=True)
class ColumnFinder:
    """Finds single columns of a table.

    Attributes:
        name: the file, for errors.
        names: all columns.
        request: what to read.
    """

    name: str
    names: list[str]
    request: TableRequest

    def find(self, column: str, flag: str) -> str:
        """The name of a column that was given by name or number.

        Raises:
            UserError: where there is no such column.
        """
        if column in self.names:
            return column
        if column.isdigit() and 1 <= int(column) <= len(self.names):
            return self.names[int(column) - 1]
        listed = ", ".join(self.names)
        if self.request.step is not None:
            raise UserError(
                f"{self.name} has the columns {listed}; expected {column} among them, which the run "
                "was trained on."
            )
        raise UserError(
            f"{flag} got {column!r}; {self.name} has the columns {listed}. Name one of them."
        )

    def guess_time(self, rows: list[TextRow]) -> str:
        """The first column of dates.

        Raises:
            UserError: where no column holds dates.
        """
        sample = [row.cells for row in rows[:SAMPLED]]
        for k, name in enumerate(self.names):
            if is_date_column([cells[k] for cells in sample], self.request.time_format):
                return name
        raise UserError(
            f"{self.name} has no column of dates among {', '.join(self.names)}; name the column "
            "of times by --time NAME."
        )

    def guess_target(self, rows: list[TextRow], used: set[str | None]) -> str:
        """The only column of numbers that is not used for something else.

        Raises:
            UserError: where there is no such column, or more than one.
        """
        free = [c for k, c in enumerate(self.names) if c not in used and is_number_column(k, rows)]
        if len(free) != 1:
            listed = f" ({', '.join(free)})" if free else ""
            raise UserError(
                f"{self.name} has {len(free)} columns of numbers{listed}; name the one to forecast "
                "by --target NAME."
            )
        return free[0]

    def check_target(self, rows: list[TextRow], target: str) -> None:
        """Refuse a target that holds no numbers.

        Raises:
            UserError: where it holds none, with the first line that is not a number.
        """
        at = self.names.index(target)
        if is_number_column(at, rows):
            return
        cells = ((row.line, row.cells[at].strip()) for row in rows)
        line, cell = next((n, c) for n, c in cells if c.lower() not in MISSING and not is_number(c))
        raise UserError(
            f"{self.name}, line {line}: {target} is {cell[:40]!r}; expected numbers with a decimal "
            "point to forecast (--target)."
        )


def split_names(columns: str | tuple[str, ...] | None) -> list[str]:
    """A list of names that is given as one text with commas, or as a tuple."""
    if isinstance(columns, tuple):
        return list(columns)
    return [name.strip() for name in (columns or "").split(",") if name.strip()]
