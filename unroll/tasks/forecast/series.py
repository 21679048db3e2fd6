"""Series over time, and the table that they were read from.

T time, C columns.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field

import numpy as np

from unroll.tasks.forecast.number_forms import NumberForm
from unroll.tasks.forecast.times import TimeStep, format_time


@dataclass(frozen=True)
class Series:
    """One series; its length is the number of steps up to the last known target.

    Attributes:
        name: its value in the column `--by`; "" where there is one series.
        times: [T], one step apart.
        values: [T, C], the target in column 0, NaN where missing.
        lines: the line of each row in its file [T]; 0 where the file has no such row.
        end: steps up to the last known target; later rows hold columns that are known ahead.
        first: the first value of a series whose first rows are not here; else NaN.
        earlier: how many steps of it lie before the first row that is here.
        offsets: how many seconds the clock is ahead of UTC at each row [T]. None: the table does
            not say.
    """

    name: str
    times: np.ndarray
    values: np.ndarray
    lines: np.ndarray
    end: int
    first: float = math.nan
    earlier: int = 0
    offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return self.end

    def offset(self, row: int) -> float | None:
        """The offset of a row from UTC, or None."""
        return None if self.offsets is None else float(self.offsets[row])


@dataclass(frozen=True)
class SeriesTable:
    """The series of a table.

    Attributes:
        name: the path of the file, or "the input".
        time: the column of times.
        by: the column that names the series, or None.
        columns: the target, then columns read up to the present, then columns known ahead.
        ahead: how many columns at the end are known ahead.
        step: the time between rows.
        dates: whether times are dates; else plain numbers.
        clock: what times of dates are: `plain` where the table has no offsets from UTC; else `utc`,
            or `local` where steps are whole days, which follow the local calendar.
        time_form: how times are written, as `--set time_format` names it.
        numbers: how numbers are written.
        series: one or more.
        words: the words of each column of words; the values of such a column are places in its list.
        missing: how many values and times are missing.
        messages: sentences for people on what was filled and sorted.
    """

    name: str
    time: str
    by: str | None
    columns: tuple[str, ...]
    ahead: int
    step: TimeStep
    dates: bool
    series: tuple[Series, ...]
    words: dict[str, list[str]]
    missing: int
    messages: tuple[str, ...]
    clock: str = "plain"
    time_form: str = "iso"
    numbers: NumberForm = field(default_factory=NumberForm)

    @property
    def sha256(self) -> str:
        """The SHA-256 of names, times and values."""
        digest = hashlib.sha256("\0".join(self.columns).encode())
        for one in self.series:
            digest.update(one.name.encode() + b"\0" + one.times.tobytes() + one.values.tobytes())
        digest.update(repr(sorted(self.words.items())).encode())
        return digest.hexdigest()

    @property
    def steps(self) -> int:
        """How many steps all series have together."""
        return sum(len(one) for one in self.series)

    @property
    def begin(self) -> str:
        """The first time of all series, as text."""
        first = min(self.series, key=lambda one: float(one.times[0]))
        return self.time_of(first, 0)

    @property
    def end(self) -> str:
        """The last time with a known target of all series, as text."""
        last = max(self.series, key=lambda one: float(one.times[len(one) - 1]))
        return self.time_of(last, len(last) - 1)

    @property
    def past_columns(self) -> tuple[str, ...]:
        """The columns beside the target that are read up to the present."""
        return self.columns[1 : len(self.columns) - self.ahead]

    @property
    def known_columns(self) -> tuple[str, ...]:
        """The columns that are known ahead."""
        return self.columns[len(self.columns) - self.ahead :]

    def format_time(self, time: float, offset: float | None = None) -> str:
        """A time of this table as text, with its offset from UTC where the table has offsets."""
        return format_time(local_time(time, offset, self.clock), self.dates, offset)

    def time_of(self, one: Series, row: int) -> str:
        """The time of a row of a series as text."""
        return self.format_time(float(one.times[row]), one.offset(row))


def local_time(time: float, offset: float | None, clock: str) -> float:
    """What the clock shows at a time of a table. clock: as of `SeriesTable`."""
    return time + (offset or 0) if clock == "utc" else time


def series_phrase(name: str) -> str:
    """How sentences name a series: "the series north", or "the series" where it is the only one."""
    return f"the series {name}" if name else "the series"
