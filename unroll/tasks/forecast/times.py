"""Times of a table as numbers: the step between them, and their place in the calendar.

A time is seconds since 1970 for dates, the number itself for plain numbers.
"""

from __future__ import annotations

import calendar
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from unroll.errors import UserError
from unroll.tasks.forecast.date_patterns import EPOCH

DAY = 86_400  # seconds
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
CYCLES = {"day": DAY, "week": 7 * DAY, "year": 31_556_952}  # seconds
USUAL = 0.8  # share of the times that say where in a month a step lies
FEW = 4  # times from which on business days are recognised
HOLIDAYS = 5  # days that holidays move the first or last business day, at most
WEEK_STARTS = 3 * DAY  # 1970 began on a Thursday


@dataclass(frozen=True)
class TimeStep:
    """The time between two rows of a series.

    Attributes:
        unit: `second`, `weekday`, `month`, or `number` for times that are not dates.
        size: how many units a step has.
        loose: whether each row is a step, whatever the time between rows is; unit and size then
            only give the times of future steps.
        anchor: where in its month a step of months lies: `30` (clipped to the length of the month),
            `last day`, `last business day`, `first business day`, or the latter two with `about`
            before them, where holidays move some rows. Empty: where the first row lies.

    Examples:
        >>> from unroll.tasks.forecast.time_forms import seconds_of
        >>> from unroll.tasks.forecast.times import TimeStep, format_time
        >>> month = TimeStep("month", 1, anchor="30")
        >>> format_time(month.after(seconds_of("2024-02-29"), 1), True)
        '2024-03-30'
    """

    unit: str
    size: float
    loose: bool = False
    anchor: str = ""

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
            off = np.abs(day - anchor_days(months, self.anchor or str(day.max(initial=1))))
            if "business" in self.anchor:  # holidays move the day, and a month has one
                wrong = (off > HOLIDAYS) | (np.diff(months, prepend=months[:1] - 1) == 0)
            else:
                wrong = off > 0
            at = np.where(wrong | (rest != rest[:1]), np.nan, at)
        elif self.unit == "weekday":
            dates = (times // DAY).astype("datetime64[D]")
            at = np.busday_count(dates[0], dates).astype(float)
            wrong = ~np.is_busday(dates) | (times % DAY != times[:1] % DAY)
            at = np.where(wrong, np.nan, at)
        else:
            at = (times - times[:1]) / self.size
        whole = np.round(at)
        return np.where(np.abs(at - whole) < 1e-6, whole, np.nan)

    def after(self, time: float, steps: int) -> float:
        """The time that lies this many steps after a time."""
        if self.unit == "month":
            months, day, rest = (int(part[0]) for part in months_days_seconds(np.array([time])))
            # without an anchor the end of a month is followed by ends of months
            unanchored = "last day" if day == days_in_month(months) else str(day)
            month = months + steps * int(self.size)
            new_day = int(anchor_days(np.array([month]), self.anchor or unanchored)[0])
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

    @property
    def place_in_words(self) -> str:
        """Where in their months steps of months lie, as the end of a sentence: ", on the last day"."""
        if self.unit != "month" or self.anchor in ("", "1"):
            return ""
        if self.anchor.isdigit():
            return f", on day {self.anchor} of the month or its last day"
        near = "on or near" if self.anchor.startswith("about") else "on"
        return f", {near} the {self.anchor.removeprefix('about ')} of the month"

    @property
    def of_days(self) -> bool:
        """Whether the step is whole days, so that it follows the calendar and not the clock."""
        return self.unit in ("weekday", "month") or (self.unit == "second" and self.size % DAY == 0)


def format_time(time: float, dates: bool, offset: float | None = None) -> str:
    """A time as text: `2024-02-29`, `2024-02-29 13:00`, `2024-02-29 13:00+01:00`, or a plain number.

    Args:
        time: seconds from 1970 to what the clock shows, or a number.
        dates: whether times are dates.
        offset: how many seconds the clock is ahead of UTC. None: not known.
    """
    if not dates:
        return f"{time:g}" if time != int(time) else str(int(time))
    try:
        moment = EPOCH + timedelta(seconds=time)  # exact, for years before 1970 too
    except OverflowError:  # after the year 9999
        return str(np.datetime64(int(time), "s"))
    if offset is None and time % DAY == 0:
        return moment.strftime("%Y-%m-%d")
    text = moment.strftime("%Y-%m-%d %H:%M" + (":%S" if time % 60 else ""))
    if offset is None:
        return text
    hours, seconds = divmod(abs(int(offset)), 3600)
    return f"{text}{'-' if offset < 0 else '+'}{hours:02}:{seconds // 60:02}"


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
        return replace(step, loose=True) if every == "row" else step
    if not dates:
        raise UserError(
            f"--set every={every} is for dates, and the times are plain numbers. Leave it out."
        )
    if every == "weekday":
        return TimeStep("weekday", 1)
    if every in MONTHS:
        anchor, share = find_anchor(np.concatenate(times))
        # series of different days keep their own
        return TimeStep("month", MONTHS[every], anchor=anchor if share >= USUAL else "")
    return TimeStep("second", SECONDS[every])


def most_frequent_step(
    times: Sequence[np.ndarray], differences: np.ndarray, dates: bool
) -> TimeStep:
    """The step that most differences of times have; months and weekdays are recognised."""
    most_frequent = float(Counter(differences.tolist()).most_common(1)[0][0])
    if not dates:
        return TimeStep("number", most_frequent)
    everything = np.concatenate(times)
    if len(np.unique(everything % DAY)) == 1:
        gaps = np.concatenate([np.diff(months_days_seconds(one)[0]) for one in times])
        anchor, share = find_anchor(everything)
        regular = not (differences % most_frequent).any()
        if gaps.min() >= 1 and share >= (1.0 if regular else USUAL):
            size = float(Counter(gaps.tolist()).most_common(1)[0][0])
            return TimeStep("month", size, anchor=anchor)
        weekdays = ((everything // DAY + 3) % 7) < 5
        if most_frequent == DAY and weekdays.all() and np.ptp(everything) > 14 * DAY:
            return TimeStep("weekday", 1)
    return TimeStep("second", most_frequent)


def find_anchor(times: np.ndarray) -> tuple[str, float]:
    """Where in their months most of these times [T] lie, as an anchor of a step.

    Returns:
        The anchor, and the share of the times that lie there.
    """
    months, day, _ = months_days_seconds(times)
    days = Counter(day.tolist()).most_common(1)[0][0]
    candidates = ["last day", str(day.max()), str(days)]
    if len(day) >= FEW:  # fewer do not tell a business day from a day
        candidates += ["last business day", "first business day"]
    shares = {name: float((day == anchor_days(months, name)).mean()) for name in candidates}
    anchor = max(candidates, key=lambda name: shares[name])
    if "business" in anchor and USUAL <= shares[anchor] < 1:
        off = np.abs(day - anchor_days(months, anchor)).max()
        if off <= HOLIDAYS and len(set(months.tolist())) > 5:
            return f"about {anchor}", 1.0
    return anchor, shares[anchor]


def anchor_days(months: np.ndarray, anchor: str) -> np.ndarray:
    """The days, from 1, on which an anchor lies in months [T] counted from January 1970."""
    begins = months.astype("datetime64[M]").astype("datetime64[D]")
    ends = (months + 1).astype("datetime64[M]").astype("datetime64[D]")
    if anchor.endswith("last business day"):
        days = np.busday_offset(ends, -1, roll="forward")
    elif anchor.endswith("first business day"):
        days = np.busday_offset(begins, 0, roll="forward")
    else:
        size = (ends - begins).astype(int)
        return size if anchor == "last day" else np.minimum(int(anchor), size)
    return (days - begins).astype(int) + 1


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
