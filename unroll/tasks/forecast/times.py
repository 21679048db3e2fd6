"""Times of a table: how they are written, the step between them, and what a calendar says."""

from __future__ import annotations

import calendar as days_of
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from unroll.errors import UserError

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
CYCLES = {"day": 86_400, "week": 604_800, "year": 31_556_952}  # seconds
WEEK_STARTS = 3 * 86_400  # 1970 began on a Thursday
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARTS = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})")


@dataclass(frozen=True)
class Step:
    """The time between two rows.

    unit: second (of which `size` make a step), weekday, month (so many), or number, for times that
    are no dates. loose: rows are steps, whatever the time between them; unit and size then only
    name future times.

    Example:
        >>> from unroll.tasks.forecast.times import Step, seconds_of, written_time
        >>> month = Step("month", 1)
        >>> written_time(month.after(seconds_of("2024-01-31"), 1), True)
        '2024-02-29'
    """

    unit: str
    size: float
    loose: bool = False

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Whole numbers of steps since a fixed time, NaN for a time between two steps."""
        if self.unit == "month":
            months, day, rest = parts_of(times)
            at = (months - months[:1]) / self.size
            last = np.array([days_in(int(m)) for m in months])
            anchor = day.max(initial=1)
            wrong = (day != np.minimum(anchor, last)) | (rest != rest[:1])
            at = np.where(wrong, np.nan, at)
        elif self.unit == "weekday":
            dates = (times // 86_400).astype("datetime64[D]")
            at = np.busday_count(dates[0], dates).astype(float)
            at = np.where(np.is_busday(dates), at, np.nan)
        else:
            at = (times - times[:1]) / self.size
        whole = np.round(at)
        return np.where(np.abs(at - whole) < 1e-6, whole, np.nan)

    def after(self, time: float, steps: int) -> float:
        """The time that many steps later."""
        if self.unit == "month":
            months, day, rest = (int(part[0]) for part in parts_of(np.array([time])))
            end = days_in(months)
            month = months + steps * int(self.size)
            # the end of a month is followed by ends of months
            return (
                start_of(month)
                + 86_400 * ((days_in(month) if day == end else min(day, days_in(month))) - 1)
                + rest
            )
        if self.unit == "weekday":
            date = np.datetime64(int(time // 86_400), "D")
            later = np.busday_offset(date, steps, roll="backward")
            return float(later.astype(int) * 86_400 + time % 86_400)
        return time + steps * self.size

    @property
    def season(self) -> int:
        """Steps of the season that comes first to mind: an hour of minutes, a day of hours or quarters
        of one, a week of days, a year of weeks or months; 1: none."""
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
        """`day`, `weekday`, `15 minutes`, `2.5`."""
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
    def long(self) -> str:
        """How long it is: `one day`, `15 minutes`, `2.5`."""
        return f"one {self.name}" if self.name.isalpha() else self.name


def seconds_of(text: str, format: str | None = None) -> float:
    """Seconds since 1970 in UTC of a date, with or without a time of day.

    Raises: ValueError where it is none.
    """
    text = text.strip()
    if format is not None:
        found = datetime.strptime(text, format)
    else:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            text += "-01"
        if quarter := re.fullmatch(r"(\d{4})-?Q([1-4])", text):
            text = f"{quarter[1]}-{3 * int(quarter[2]) - 2:02}-01"
        found = datetime.fromisoformat(text)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return (found - EPOCH).total_seconds()


def find_format(words: Sequence[str], format: str | None, flag: str) -> str | None:
    """How the dates of a column are written: None where they are ISO, or plain numbers.

    Raises: UserError where day and month cannot be told apart.
    """
    if format is not None:
        return format
    parts = [PARTS.match(word.strip()) for word in words]
    if not words or not all(parts):
        return None
    first = max(int(part[1]) for part in parts if part)
    second = max(int(part[3]) for part in parts if part)
    mark = next(part[2] for part in parts if part)
    if mark != "." and first <= 12 and second <= 12:
        raise UserError(
            f"{flag}: {words[0].strip()} may have the day or the month first. Say which by "
            "--set time_format=%d/%m/%Y or %m/%d/%Y."
        )
    days = f"%d{mark}%m{mark}%Y" if mark == "." or first > 12 else f"%m{mark}%d{mark}%Y"
    rest = words[0].strip()[len(PARTS.match(words[0].strip())[0]) :]  # type: ignore[index]
    clock = {0: "", 1: " %H:%M", 2: " %H:%M:%S"}[rest.count(":")]
    return days + (clock.replace(" ", "T") if rest.startswith("T") else clock)


def written_time(time: float, dates: bool) -> str:
    """A time as it is shown: `2024-02-29`, `2024-02-29 13:00`, or a number."""
    if not dates:
        return f"{time:g}" if time != int(time) else str(int(time))
    moment = datetime.fromtimestamp(time, UTC)
    if time % 86_400 == 0:
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%Y-%m-%d %H:%M" + (":%S" if time % 60 else ""))


def find_step(times: Sequence[np.ndarray], dates: bool, every: str) -> Step:
    """The step of series of sorted, different times.

    Raises: UserError where there is none, or the one that was asked for does not fit dates.
    """
    differences = np.concatenate([np.diff(one) for one in times])
    if not len(differences):
        raise UserError("There is one time a series; expected rows of several times.")
    if every in ("auto", "row"):
        step = likeliest_step(times, differences, dates)
        return Step(step.unit, step.size, loose=True) if every == "row" else step
    if not dates:
        raise UserError(
            f"--set every={every} is for dates, and the times are plain numbers. Leave it out."
        )
    if every == "weekday":
        return Step("weekday", 1)
    return Step("month", MONTHS[every]) if every in MONTHS else Step("second", SECONDS[every])


def likeliest_step(times: Sequence[np.ndarray], differences: np.ndarray, dates: bool) -> Step:
    """What most of the differences are."""
    commonest = float(Counter(differences.tolist()).most_common(1)[0][0])
    if not dates:
        return Step("number", commonest)
    everything = np.concatenate(times)
    if not (everything % 86_400).any():
        months, day, _ = parts_of(everything)
        ends = day == np.array([days_in(int(m)) for m in months])
        if differences.min() >= 28 * 86_400 and (bool(ends.all()) or len(set(day.tolist())) == 1):
            gaps = np.concatenate([np.diff(parts_of(one)[0]) for one in times])
            return Step("month", float(Counter(gaps.tolist()).most_common(1)[0][0]))
        weekdays = ((everything // 86_400 + 3) % 7) < 5
        if commonest == 86_400 and weekdays.all() and np.ptp(everything) > 14 * 86_400:
            return Step("weekday", 1)
    return Step("second", commonest)


def find_cycles(step: Step, span: float) -> tuple[str, ...]:
    """The cycles of the calendar, among day, week and year, that say something of a series.

    A cycle is at least two steps long, and no longer than the `span` of seconds that is learned
    from: what only a part of a year was seen of says nothing of the rest of it.
    """
    if step.unit == "number":
        return ()
    size = {"weekday": 86_400.0, "month": 2_629_746.0 * step.size}.get(step.unit, step.size)
    return tuple(name for name, cycle in CYCLES.items() if 2 * size <= cycle <= span)


def calendar_features(times: np.ndarray, cycles: tuple[str, ...]) -> np.ndarray:
    """[T, F]: sine and cosine of the time in each cycle.

    times: seconds since 1970. The year has a second pair, twice as fast, for seasons that are skew.
    """
    turns = []
    for name in cycles:
        turns.append((times + WEEK_STARTS * (name == "week")) / CYCLES[name])
        if name == "year":
            turns.append(2 * times / CYCLES[name])
    angles = 2 * math.pi * np.stack(turns, 1) if turns else np.zeros((len(times), 0))
    return np.concatenate([np.sin(angles), np.cos(angles)], 1)


def parts_of(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Months since 1970, day of the month from 1, and seconds of the day."""
    dates = np.floor_divide(times, 86_400).astype(np.int64).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(int) + 1
    return months.astype(int), day, np.mod(times, 86_400)


def days_in(months: int) -> int:
    year, month = divmod(months, 12)
    return days_of.monthrange(1970 + year, month + 1)[1]


def start_of(months: int) -> float:
    return float(np.datetime64(months, "M").astype("datetime64[s]").astype(np.int64))
