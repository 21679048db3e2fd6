"""Series on the grid of their steps, with missing values and times counted.

T time, C columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.columns import TableRequest
from unroll.tasks.forecast.rows import NumberRow
from unroll.tasks.forecast.series import Series
from unroll.tasks.forecast.times import TimeStep

FEWEST_GAPS, FAR = (
    10,
    20,
)  # gaps between times, and how much larger than all others that of a far time is
MOST_SPARSE = 20  # with more steps per row the times do not lie on a grid of this step
Kind = Literal["values", "times", "off_grid", "early"]


class SeriesGrid:
    """Puts the series of one table on their grid, and counts what is missing.

    Args:
        name: the file, for sentences.
        step: the time between rows.
        text_of: a time and its offset from UTC as text.
        columns: the columns of values, the target first.
        request: what was to be read.
    """

    def __init__(
        self,
        name: str,
        step: TimeStep,
        text_of: Callable[[float, float | None], str],
        columns: tuple[str, ...],
        request: TableRequest,
    ) -> None:
        self.name, self.step, self._text = name, step, text_of
        self.columns, self.request = columns, request
        self.count: dict[Kind, int] = {"values": 0, "times": 0, "off_grid": 0, "early": 0}
        self._first: dict[Kind, str] = {}  # where the first of each kind is

    @property
    def missing(self) -> int:
        """How many values and times are missing so far."""
        return self.count["values"] + self.count["times"]

    def series(self, series: str, rows: list[NumberRow], problems: Problems) -> Series | None:
        """A series from its first known target on.

        Args:
            series: its name, or "".
            rows: sorted by time, each time once.
            problems: takes a series without a known target.

        Returns:
            The series; None where it has no known target, or a time off the grid.

        Raises:
            UserError: where most steps of the grid have no row.
        """
        one = self._from_first_target(series, rows, problems)
        if one is not None and not self.step.loose:
            one = self._on_grid(one)
        if one is None:
            return None
        holes = np.isnan(one.values[: one.end]) & (one.lines[: one.end, None] > 0)
        self._note("values", int(holes.sum()))
        for row, column in np.argwhere(holes)[:1]:
            self._note_first("values", one.lines[row], self.columns[column])
        return one

    def refuse(self, problems: Problems) -> None:
        """Raise where times are off the grid, or where something is missing that may not be filled.

        Raises:
            UserError: with how many, and where the first is.
        """
        if self.count["off_grid"]:
            self._refuse_off_grid()
        if self.request.missing == "refuse" and self.missing:
            by_row = self.count["times"] and self.request.step is None
            end = ", or --set every=row to take each row as a step." if by_row else "."
            trouble = f"{self.name}: {' and '.join(self._missing_sentences())}"
            if problems.count:
                bad = counted(problems.count, "bad row is", "bad rows are")
                trouble = (
                    f"{self.name}: {bad} skipped, so {' and '.join(self._missing_sentences())}"
                )
                end = f", or correct the rows{end}"
            raise UserError(
                problems.with_messages(
                    f"{trouble}. Choose what to do: --set missing=interpolate or --set missing=last{end}"
                )
            )

    def messages(self) -> list[str]:
        """Sentences on what was filled and what was skipped."""
        how = {"interpolate": "filled on a straight line", "last": "filled with the last value"}
        messages = [
            f"{sentence}; {how[self.request.missing]} (--set missing=...)."
            for sentence in self._missing_sentences()
        ]
        if early := self.count["early"]:
            messages.append(
                f"{counted(early, 'row')} before the first known {self.columns[0]} "
                f"{'is' if early == 1 else 'are'} skipped, the first in {self._first['early']}."
            )
        return messages

    def _from_first_target(
        self, series: str, rows: list[NumberRow], problems: Problems
    ) -> Series | None:
        """The rows from the first known target on; None where there is no known target."""
        times = np.array([row.time for row in rows])
        lines = np.array([row.line for row in rows])
        values = np.array([row.values for row in rows])
        has_offsets = rows[0].offset is not None
        offsets = np.array([row.offset for row in rows], dtype=float) if has_offsets else None
        known = np.flatnonzero(~np.isnan(values[:, 0]))
        if not len(known):
            if self.request.step is not None:
                # all of it is known ahead, and continues a series of the run
                return Series(series, times, values, lines, 0, offsets=offsets)
            problems.bad(f"{self.name}: no value of {self.columns[0]}{of_series(series)}.")
            return None
        begin = int(known[0])
        if begin:
            self._note("early", begin)
            self._note_first("early", lines[0], "")
        end = int(known[-1]) - begin + 1
        offsets = None if offsets is None else offsets[begin:]
        return Series(series, times[begin:], values[begin:], lines[begin:], end, offsets=offsets)

    def _on_grid(self, one: Series) -> Series | None:
        """The same series with a row of NaN at each missing time; None for times off the grid."""
        at = self.step.positions(one.times)
        off_grid = np.flatnonzero(np.isnan(at))
        for wrong in off_grid:
            self._note("off_grid", 1)
            self._note_first(
                "off_grid", one.lines[wrong], self._text(one.times[wrong], one.offset(int(wrong)))
            )
        if len(off_grid):
            return None
        places = at.astype(np.int64)
        steps, rows = int(places[-1]) + 1, len(one.times)
        is_sparse = steps > MOST_SPARSE * rows + 1000
        if is_sparse or (steps > rows and self.request.missing == "refuse"):
            self._refuse_far_time(one, places)
        if is_sparse:
            raise UserError(
                f"{self.name}: the {rows:,} times{of_series(one.name)} span {steps:,} steps of "
                f"{self.step.length_in_words}; expected steps of one size. Give the right one by "
                "--set every=..., or --set every=row to take each row as a step."
            )
        if steps == rows:
            return one
        self._note("times", steps - rows)
        hole = int(np.flatnonzero(np.diff(places) > 1)[0])
        missing = self._text(self.step.after(one.times[hole], 1), one.offset(hole))
        self._note_first("times", one.lines[hole], missing)
        values = np.full((steps, one.values.shape[1]), np.nan)
        values[places] = one.values
        lines = np.zeros(steps, dtype=one.lines.dtype)
        lines[places] = one.lines
        end = int(places[one.end - 1]) + 1 if one.end else 0
        before = np.zeros(steps, dtype=np.int64)  # the last row before each step of the grid
        before[places] = np.arange(rows)
        before = np.maximum.accumulate(before)
        since = np.arange(steps) - places[before]
        times = np.array(
            [
                one.times[k] if not n else self.step.after(one.times[k], int(n))
                for k, n in zip(before, since, strict=True)
            ]
        )
        offsets = None if one.offsets is None else one.offsets[before]
        return Series(one.name, times, values, lines, end, offsets=offsets)

    def _refuse_far_time(self, one: Series, places: np.ndarray) -> None:
        """Raise for one time that is far from all others, as a year with a wrong digit is.

        Args:
            one: the series.
            places: of its times on the grid, ascending.

        Raises:
            UserError: with its line.
        """
        gaps = np.diff(places)
        if self.request.step is not None or len(gaps) < FEWEST_GAPS:
            return
        for far, near, others in ((0, 1, gaps[1:]), (len(gaps), len(gaps) - 1, gaps[:-1])):
            gap = abs(int(places[far] - places[near]))
            if gap > FAR * int(others.max()) and gap > len(places) / 2:
                times = [self._text(one.times[k], one.offset(k)) for k in (far, near)]
                raise UserError(
                    f"{self.name}, line {one.lines[far]}: the time is {times[0]}, far from all others "
                    f"({gap:,} steps of {self.step.length_in_words} from {times[1]}); expected times in "
                    "steps of one size. Correct or remove the row."
                )

    def _refuse_off_grid(self) -> None:
        """Raise for times between two steps."""
        if self.request.step is not None:
            whose, hint = "that the run was trained with", "Give times on that grid."
        elif self.request.every in ("auto", "row"):
            whose = "that most times have"
            hint = (
                "Give the step by --set every=..., or take each row as a step by --set every=row."
            )
        else:
            whose = f"that --set every={self.request.every} asks for"
            hint = "Leave it out, or take each row as a step by --set every=row."
        are = counted(self.count["off_grid"], "time is", "times are")
        raise UserError(
            f"{self.name}: {are} not on the grid of steps of {self.step.length_in_words}"
            f"{self.step.place_in_words} {whose}; "
            f"the first is in {self._first['off_grid']}. {hint}"
        )

    def _missing_sentences(self) -> list[str]:
        """How many times and values are missing, without a full stop."""
        sentences = []
        if self.count["times"]:
            are = counted(self.count["times"], "time is", "times are")
            first = self._first["times"].replace(" (", ": ").rstrip(")")
            sentences.append(
                f"{are} missing at steps of {self.step.length_in_words}, the first after {first}"
            )
        if self.count["values"]:
            zeros = ", zeros among them" if self.request.zero_is_missing else ""
            are = counted(self.count["values"], "value is", "values are")
            sentences.append(f"{are} missing{zeros}, the first in {self._first['values']}")
        return sentences

    def _note(self, kind: Kind, number: int) -> None:
        """Count so many of a kind."""
        self.count[kind] += number

    def _note_first(self, kind: Kind, line: int, what: str) -> None:
        """Keep where the first of a kind is, and what it is."""
        self._first.setdefault(kind, f"line {line}{f' ({what})' if what else ''}")


def of_series(name: str) -> str:
    """How a sentence names the series of a value: " of the series north", or nothing."""
    return f" of the series {name}" if name else ""
