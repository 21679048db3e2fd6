"""Times of a table: how they are written, the step between them, and their place in the calendar.

A time is a number: seconds since 1970 in UTC for dates, the number itself for plain numbers.
"""

from __future__ import annotations

import calendar
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from unroll.errors import UserError

DAY = 86_400  # seconds
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
CYCLES = {"day": DAY, "week": 7 * DAY, "year": 31_556_952}  # seconds
WEEK_STARTS = 3 * DAY  # 1970 began on a Thursday
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMERIC_DATE = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})")  # 31.1.2024, 1/31/2024


@dataclass(frozen=True)
class TimeStep:
    """The time between two rows of a series.

    Attributes:
        unit: `second`, `weekday`, `month`, or `number` for times that are not dates.
        size: how many units a step has.
        loose: whether each row is a step, whatever the time between rows is; unit and size then
            only give the times of future steps.

    Examples:
        >>> from unroll.tasks.forecast.times import TimeStep, format_time, seconds_of
        >>> month = TimeStep("month", 1)
        >>> format_time(month.after(seconds_of("2024-01-31"), 1), True)
        '2024-02-29'
    """

    unit: str
    size: float
    loose: bool = False

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Count the steps from the first time to each time.

        Args:
            times: sorted times [T].

        Returns:
            Whole numbers [T], NaN for a time between two steps.
        """
        if self.unit == "month":
            months, day, rest = months_days_seconds(times)
            at = (months - months[:1]) / self.size
            last = np.array([days_in_month(int(m)) for m in months])
            anchor = day.max(initial=1)
            wrong = (day != np.minimum(anchor, last)) | (rest != rest[:1])
            at = np.where(wrong, np.nan, at)
        elif self.unit == "weekday":
            dates = (times // DAY).astype("datetime64[D]")
            at = np.busday_count(dates[0], dates).astype(float)
            at = np.where(np.is_busday(dates), at, np.nan)
        else:
            at = (times - times[:1]) / self.size
        whole = np.round(at)
        return np.where(np.abs(at - whole) < 1e-6, whole, np.nan)

    def after(self, time: float, steps: int) -> float:
        """The time that lies this many steps after a time."""
        if self.unit == "month":
            months, day, rest = (int(part[0]) for part in months_days_seconds(np.array([time])))
            end = days_in_month(months)
            month = months + steps * int(self.size)
            # the end of a month is followed by ends of months
            new_end = days_in_month(month)
            new_day = new_end if day == end else min(day, new_end)
            return month_start(month) + DAY * (new_day - 1) + rest
        if self.unit == "weekday":
            date = np.datetime64(int(time // DAY), "D")
            later = np.busday_offset(date, steps, roll="backward")
            return float(later.astype(int) * DAY + time % DAY)
        return time + steps * self.size

    @property
    def season(self) -> int:
        """Steps of the most usual season of such series; 1 means no season.

        An hour of minutes, a day of hours or quarters of an hour, a week of days, a year of weeks
        or months.
        """
        if self.unit == "weekday":
            return 5
        if self.unit == "number" or self.size <= 0:
            return 1
        if self.unit == "month":
            cycle = 12.0
        elif self.size == SECONDS["week"]:
            return 52
        elif self.size < SECONDS["minute"]:
            return 1
        elif self.size < 5 * SECONDS["minute"]:
            cycle = SECONDS["hour"]
        else:
            cycle = SECONDS["day"] if self.size < SECONDS["day"] else SECONDS["week"]
        return int(cycle / self.size) if cycle % self.size == 0 else 1

    @property
    def name(self) -> str:
        """The step in words: `day`, `weekday`, `15 minutes`, `2.5`."""
        if self.unit == "weekday":
            return "weekday"
        if self.unit == "number":
            return f"{self.size:g}"
        units = MONTHS if self.unit == "month" else SECONDS
        name, size = next(
            (n, self.size / s) for n, s in reversed(units.items()) if self.size % s == 0
        )
        return name if size == 1 else f"{size:g} {name}s"

    @property
    def length_in_words(self) -> str:
        """The length of the step in words: `one day`, `15 minutes`, `2.5`."""
        return f"one {self.name}" if self.name.isalpha() else self.name


def seconds_of(text: str, format: str | None = None) -> float:
    """Seconds from 1970 in UTC to a date, with or without a time of day.

    Args:
        text: the date.
        format: how it is written, as `datetime.strptime` takes it. Default: ISO, `2024-01` or
            `2024Q3`.

    Raises:
        ValueError: where the text is not such a date.
    """
    text = text.strip()
    if format is not None:
        date = datetime.strptime(text, format)
    else:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            text += "-01"
        if quarter := re.fullmatch(r"(\d{4})-?Q([1-4])", text):
            text = f"{quarter[1]}-{3 * int(quarter[2]) - 2:02}-01"
        date = datetime.fromisoformat(text)
    date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
    return (date - EPOCH).total_seconds()


def find_time_format(cells: Sequence[str], format: str | None, column: str) -> str | None:
    """Find how the dates of a column are written.

    Args:
        cells: the cells of the column that are not empty.
        format: the format that was asked for, which is returned as it is.
        column: what the error names: the file and the column.

    Returns:
        A format of `datetime.strptime`; None for ISO dates and plain numbers.

    Raises:
        UserError: where it is not clear which number is the day and which the month.
    """
    if format is not None:
        return format
    parts = [NUMERIC_DATE.match(cell.strip()) for cell in cells]
    if not cells or not all(parts):
        return None
    first = max(int(part[1]) for part in parts if part)
    second = max(int(part[3]) for part in parts if part)
    separator = next(part[2] for part in parts if part)
    if separator != "." and first <= 12 and second <= 12:
        raise UserError(
            f"{column}: {cells[0].strip()} may begin with the day or with the month. Give the order by "
            "--set time_format=%d/%m/%Y or --set time_format=%m/%d/%Y."
        )
    day_first = separator == "." or first > 12
    order = ("%d", "%m", "%Y") if day_first else ("%m", "%d", "%Y")
    days = separator.join(order)
    rest = cells[0].strip()[len(NUMERIC_DATE.match(cells[0].strip())[0]) :]  # type: ignore[index]
    clock = {0: "", 1: " %H:%M", 2: " %H:%M:%S"}[rest.count(":")]
    return days + (clock.replace(" ", "T") if rest.startswith("T") else clock)


def format_time(time: float, dates: bool) -> str:
    """A time as text: `2024-02-29`, `2024-02-29 13:00`, or a plain number.

    Args:
        time: seconds since 1970, or a number.
        dates: whether times are dates.
    """
    if not dates:
        return f"{time:g}" if time != int(time) else str(int(time))
    moment = datetime.fromtimestamp(time, UTC)
    if time % DAY == 0:
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%Y-%m-%d %H:%M" + (":%S" if time % 60 else ""))


def find_time_step(times: Sequence[np.ndarray], dates: bool, every: str) -> TimeStep:
    """Find the step between the rows of a table.

    Args:
        times: the sorted, different times of each series.
        dates: whether they are dates.
        every: `auto` or `row` for the most frequent step; else the name of a step.

    Raises:
        UserError: where no series has two times, or a named step is asked for plain numbers.
    """
    differences = np.concatenate([np.diff(one) for one in times])
    if not len(differences):
        raise UserError("Each series has a single time; expected rows of several times.")
    if every in ("auto", "row"):
        step = most_frequent_step(times, differences, dates)
        return TimeStep(step.unit, step.size, loose=True) if every == "row" else step
    if not dates:
        raise UserError(
            f"--set every={every} is for dates, and the times are plain numbers. Leave it out."
        )
    if every == "weekday":
        return TimeStep("weekday", 1)
    if every in MONTHS:
        return TimeStep("month", MONTHS[every])
    return TimeStep("second", SECONDS[every])


def most_frequent_step(
    times: Sequence[np.ndarray], differences: np.ndarray, dates: bool
) -> TimeStep:
    """The step that most differences of times have; months and weekdays are recognised."""
    most_frequent = float(Counter(differences.tolist()).most_common(1)[0][0])
    if not dates:
        return TimeStep("number", most_frequent)
    everything = np.concatenate(times)
    if not (everything % DAY).any():
        months, day, _ = months_days_seconds(everything)
        ends = day == np.array([days_in_month(int(m)) for m in months])
        if differences.min() >= 28 * DAY and (bool(ends.all()) or len(set(day.tolist())) == 1):
            gaps = np.concatenate([np.diff(months_days_seconds(one)[0]) for one in times])
            return TimeStep("month", float(Counter(gaps.tolist()).most_common(1)[0][0]))
        weekdays = ((everything // DAY + 3) % 7) < 5
        if most_frequent == DAY and weekdays.all() and np.ptp(everything) > 14 * DAY:
            return TimeStep("weekday", 1)
    return TimeStep("second", most_frequent)


def find_cycles(step: TimeStep, span: float) -> tuple[str, ...]:
    """The cycles of the calendar that can help to forecast: among day, week and year.

    A cycle is at least two steps long, and no longer than the training set: half a year says
    nothing about the other half.

    Args:
        step: the step of the series.
        span: seconds that the training set spans.
    """
    if step.unit == "number":
        return ()
    size = {"weekday": float(DAY), "month": 2_629_746.0 * step.size}.get(step.unit, step.size)
    return tuple(name for name, cycle in CYCLES.items() if 2 * size <= cycle <= span)


def calendar_features(times: np.ndarray, cycles: tuple[str, ...]) -> np.ndarray:
    """Sine and cosine of each time in each cycle of the calendar.

    The year has a second pair of twice the frequency, for seasons that are not symmetric.

    Args:
        times: seconds since 1970 [T].
        cycles: among day, week and year.

    Returns:
        Features [T, F]; F is 0 without cycles.
    """
    turns = []
    for name in cycles:
        turns.append((times + WEEK_STARTS * (name == "week")) / CYCLES[name])
        if name == "year":
            turns.append(2 * times / CYCLES[name])
    angles = 2 * math.pi * np.stack(turns, 1) if turns else np.zeros((len(times), 0))
    return np.concatenate([np.sin(angles), np.cos(angles)], 1)


def months_days_seconds(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split times [T] into months since 1970, the day of the month from 1, and seconds of the day."""
    dates = np.floor_divide(times, DAY).astype(np.int64).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(int) + 1
    return months.astype(int), day, np.mod(times, DAY)


def days_in_month(months: int) -> int:
    """How many days the month has that lies so many months after January 1970."""
    year, month = divmod(months, 12)
    return calendar.monthrange(1970 + year, month + 1)[1]


def month_start(months: int) -> float:
    """When the month begins that lies so many months after January 1970."""
    return float(np.datetime64(months, "M").astype("datetime64[s]").astype(np.int64))
