"""Which columns of a table hold the time, the target, the series and what is read beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from unroll.errors import UserError
from unroll.tasks.forecast.number_forms import MISSING, is_written_number
from unroll.tasks.forecast.rows import (
    MOST_WORDS,
    TextRow,
    cell_text,
    describe_wide,
    is_blank,
    is_counter,
    is_nameless,
    is_number_column,
    named_column,
)
from unroll.tasks.forecast.time_columns import TimeColumn, TimeRequest, find_time_column
from unroll.tasks.forecast.times import TimeStep


@dataclass(frozen=True)
class RunForms:
    """How the training table of a run was written, which later tables have to agree with.

    Attributes:
        time_form: how times were written, as `--set time_format` names it. None: not kept.
        clock: what times are, as of `SeriesTable`; "" where the run did not keep it.
        decimal: the decimal mark. None: no number had one.
        units: the unit of each column of numbers, such as %.
    """

    time_form: str | None
    clock: str
    decimal: str | None
    units: dict[str, str]


@dataclass(frozen=True)
class TableRequest:
    """What to read of a table; columns by name, or by number from 1.

    Attributes:
        time: the column of times, or two or more with commas between. None: the first of dates.
        target: the column to forecast. None: the only column of numbers.
        by: the column that names the series. None: one series.
        past: columns to read up to the present: names with commas between, or "all".
        known: columns that are known ahead.
        time_format: how dates are written. None: what fits.
        every: the step between rows, as the setting `every`.
        missing: what to do with missing values and times: refuse, interpolate or last.
        zero_is_missing: whether zeros are missing values.
        words: the words that a run knows of each column of words.
        step: the step that a run was trained with; None where a table is read for training.
        decimal: the decimal mark, as the setting.
        thousands: the mark between thousands, as the setting.
        like: how the run's training table was written. None: there is no run.
        series: the names of the run's series; empty where there is no run.
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
    decimal: str = "auto"
    thousands: str = "auto"
    like: RunForms | None = None
    series: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeriesColumns:
    """The columns of a table by what they are for.

    Attributes:
        time: where times are.
        target: the column to forecast.
        by: the column that names the series, or None.
        past: columns that are read up to the present.
        known: columns that are known ahead.
        messages: sentences on columns that were passed over.
    """

    time: TimeColumn
    target: str
    by: str | None
    past: tuple[str, ...]
    known: tuple[str, ...]
    messages: tuple[str, ...] = ()

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
    finder, trained = ColumnFinder(name, names, request), request.step is not None
    by = finder.find(request.by, "--by") if request.by else None
    known = tuple(finder.find(c, "--set known") for c in split_names(request.known))
    past_names = split_names(request.past)
    past = [finder.find(c, "--covariates") for c in past_names if c != "all"]
    target = finder.find(request.target, "--target") if request.target else None
    taken = {each for each in (by, target, *known, *past) if each is not None}
    time = find_time_column(
        name, names, rows, TimeRequest(request.time, request.time_format, by, taken, trained)
    )
    messages = list(time.messages)
    if target is None:
        target, passed = finder.guess_target(rows, {*time.parts, by, *known, *past})
        messages += passed
    if past_names == ["all"]:
        free = [c for c in names if c not in {*time.parts, by, target, *known}]
        past, passed = finder.choose_covariates(rows, free)
        messages += [sentence for sentence in passed if sentence not in messages]
    chosen = [*time.parts, target, *([by] if by else []), *past, *known]
    twice = next((c for c in chosen if chosen.count(c) > 1), None)
    if twice is not None:
        raise UserError(
            f"The column {twice} of {name} is asked for twice, among --time, --target, --by, "
            "--covariates and --set known; expected it once. The target's own past is always read."
        )
    finder.check_target(rows, target)
    return SeriesColumns(time, target, by, tuple(past), known, tuple(messages))


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
        found = named_column(self.names, column)
        if found is not None:
            return found
        listed = ", ".join(self.names)
        if self.request.step is not None:
            raise UserError(
                f"{self.name} has the columns {listed}; expected {column} among them, which the run "
                "was trained on."
            )
        raise UserError(
            f"{flag} got {column!r}; {self.name} has the columns {listed}. Name one of them."
        )

    def guess_target(self, rows: list[TextRow], used: set[str | None]) -> tuple[str, list[str]]:
        """The only column of numbers that is not used for something else, and does not count rows.

        Returns:
            The column, and sentences on those that were passed over.

        Raises:
            UserError: where there is no such column, or more than one.
        """
        numbers = [
            (c, k)
            for k, c in enumerate(self.names)
            if c not in used and is_number_column(k, rows) and not is_blank(c, k, rows)
        ]
        free = [c for c, k in numbers if not is_counter(k, rows, c)] or [c for c, _ in numbers]
        if len(free) != 1:
            if wide := describe_wide(self.name, self.names):
                raise UserError(wide)
            listed = f" ({', '.join(free)[:100]})" if free else ""
            raise UserError(
                f"{self.name} has {len(free)} columns of numbers{listed}; name the one to forecast "
                "by --target NAME."
            )
        return free[0], [self._passed_over(c) for c, _ in numbers if c != free[0]]

    def choose_covariates(
        self, rows: list[TextRow], free: list[str]
    ) -> tuple[list[str], list[str]]:
        """All free columns but those that count the rows or hold free text, and why not those."""
        chosen, messages = [], []
        for column in free:
            at = self.names.index(column)
            words = {cell_text(row.cells[at]) for row in rows} - {""}
            if is_blank(column, at, rows):
                continue
            if is_counter(at, rows, column):
                messages.append(self._passed_over(column))
            elif self.request.step is None and self._is_free_text(at, rows, len(words)):
                messages.append(
                    f"{column} holds {len(words):,} different words and is left out of the "
                    "covariates (--covariates)."
                )
            else:
                chosen.append(column)
        return chosen, messages

    def _is_free_text(self, at: int, rows: list[TextRow], words: int) -> bool:
        """Whether a column holds more different words than can be inputs."""
        return words > MOST_WORDS and not is_number_column(at, rows)

    def _passed_over(self, column: str) -> str:
        """A sentence on a column that counts the rows."""
        number = self.names.index(column) + 1
        what = (
            f"Column {number}, without a name," if is_nameless(column) else f"The column {column}"
        )
        flag = number if is_nameless(column) else column
        return f"{what} counts the rows and is passed over (--covariates {flag} reads it)."

    def check_target(self, rows: list[TextRow], target: str) -> None:
        """Refuse a target that holds no numbers.

        Raises:
            UserError: where it holds none, with the first line that is not a number.
        """
        at = self.names.index(target)
        if is_number_column(at, rows):
            return
        cells = ((row.line, cell_text(row.cells[at])) for row in rows)
        line, cell = next(
            (n, c) for n, c in cells if c.lower() not in MISSING and not is_written_number(c)
        )
        raise UserError(
            f"{self.name}, line {line}: {target} is {cell[:40]!r}; expected numbers to forecast "
            "(--target)."
        )


def split_names(columns: str | tuple[str, ...] | None) -> list[str]:
    """A list of names that is given as one text with commas, or as a tuple."""
    if isinstance(columns, tuple):
        return list(columns)
    return [name.strip() for name in (columns or "").split(",") if name.strip()]
