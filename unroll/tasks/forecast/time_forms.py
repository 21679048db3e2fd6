"""How times are written in a column, and what they say: found once for the column, never per cell.

Dates that begin with the year need no order of day and month, so they are all read; any other form is
chosen by the whole column and logged, or asked for where the day could be the month.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from shlex import quote

from unroll.errors import UserError
from unroll.tasks.forecast.date_patterns import (
    COMPACT,
    LONGEST,
    ORDERS,
    THREE_NUMBERS,
    WITH_NAMES,
    YEAR_LAST,
    Moment,
    checked_length,
    directives,
    moment_of,
    moment_of_match,
    read_iso,
)

LOOKED_AT = 200  # cells, spread over the column, that decide which form it has
ENOUGH = 1000  # cells that tell day from month, after which no more are counted
ODD = 0.05  # share of cells with the other order that are bad records, and no reason to ask
EPOCHS = {"epoch": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6, "epoch_ns": 1e9}  # units in a second
EPOCH_NAMES = {
    "epoch": "seconds", "epoch_ms": "milliseconds", "epoch_us": "microseconds",
    "epoch_ns": "nanoseconds",
}  # fmt: skip
LATEST = 2.5e11  # seconds since 1970, near the end of the year 9999
FIRST_EPOCH, LAST_EPOCH = 1e8, 4.2e9  # seconds since 1970 of times from 1973 to 2103


@dataclass(frozen=True)
class TimeForm:
    """How the times of a column are written.

    Attributes:
        name: how `--set time_format` names it: directives such as %d/%m/%Y, `iso`, `number`, or
            `epoch`, `epoch_ms`, `epoch_us`, `epoch_ns`.
        read: the moment of a cell; raises ValueError for any other text.
        dates: whether times are dates; else plain numbers.
    """

    name: str
    read: Callable[[str], Moment]
    dates: bool = True

    def fits(self, text: str) -> bool:
        """Whether a cell is written so."""
        try:
            self.read(text)
        except ValueError:
            return False
        return True


def seconds_of(text: str, format: str | None = None) -> float:
    """Seconds from 1970 in UTC to a date, with or without a time of day.

    Args:
        text: the date; without an offset it is taken as UTC.
        format: how it is written, as `datetime.strptime` takes it. Default: the year first.

    Raises:
        ValueError: where the text is not such a date.
    """
    moment = read_iso(text) if format is None else asked_form(format, "").read(text)
    return moment.clock - (moment.offset or 0)


ISO = TimeForm("iso", read_iso)
NUMBER = TimeForm("number", lambda text: Moment(finite(text)), dates=False)


def finite(text: str) -> float:
    """The number in a text.

    Raises:
        ValueError: where it is none, or not finite.
    """
    number = float(text)
    if number - number != 0:
        raise ValueError(f"{text} is not finite")
    return number


def epoch_form(name: str) -> TimeForm:
    """The form of numbers that count from 1970 in UTC: epoch, epoch_ms, epoch_us, epoch_ns."""
    unit = EPOCHS[name]

    def read(text: str) -> Moment:
        seconds = finite(text) / unit
        if abs(seconds) > LATEST:
            raise ValueError("a time after the year 9999")
        return Moment(seconds, 0.0)

    return TimeForm(name, read)


def asked_form(format: str, column: str) -> TimeForm:
    """The form that `--set time_format` asks for.

    Raises:
        UserError: where it is none.
    """
    if format in EPOCHS:
        return epoch_form(format)
    if format in ("iso", "number"):
        return ISO if format == "iso" else NUMBER
    usable = "%" in format
    try:
        datetime.strptime(datetime(2023, 12, 31, 13).strftime(format), format)
    except ValueError:
        usable = False
    if not usable:
        raise UserError(
            f"{column}: --set time_format={format} is not a form of dates; expected directives such "
            f"as %d/%m/%Y or %Y-%m-%d %H:%M, or iso, number, {', '.join(EPOCHS)}."
        )
    order = next((each for each in ORDERS if is_same_order(format, each)), None)

    def read(text: str) -> Moment:
        text = checked_length(text)
        try:
            return moment_of(datetime.strptime(text, format))
        except ValueError:
            match = THREE_NUMBERS.fullmatch(text) if order else None
            if match is None:  # rows with and without a clock are read by the order of the date
                raise
            return moment_of_match(match, order)

    return TimeForm(format, read)


def find_time_form(
    cells: Sequence[str], format: str | None, column: str, like: str | None = None
) -> TimeForm | None:
    """Find how the times of a column are written.

    Args:
        cells: the cells of the column that are not empty, as they stand.
        format: the form that was asked for by `--set time_format`, or None.
        column: what errors name: the file and the column.
        like: the form of the training table, where day and month cannot be told apart here.

    Returns:
        The form of most of the cells; None where no form is.

    Raises:
        UserError: where it is not clear which number is the day and which the month, or the year is
            not there.
    """
    if format is not None:
        return asked_form(format, column)
    sample = spread(cells)
    if not sample:
        return None
    if most(sample, is_plain_number):
        return number_form(sample)
    if most(sample, ISO.fits):
        return ISO
    if most(sample, THREE_NUMBERS.fullmatch):
        return three_numbers_form(cells, column, like)
    for pattern in (*WITH_NAMES, *YEAR_LAST):
        if most(sample, fitting(pattern)):
            return pattern_form(pattern, sample, column)
    return None


def is_date_column(cells: list[str], time_format: str | None) -> bool:
    """Whether most of these cells are dates in one form, or in the one that was asked for."""
    if time_format is not None and "%" in time_format:
        return most(cells, asked_form(time_format, "--set time_format").fits)
    if most(cells, ISO.fits) or most(cells, THREE_NUMBERS.fullmatch):
        return True
    return any(most(cells, fitting(pattern)) for pattern in (*WITH_NAMES, *YEAR_LAST))


def spread(cells: Sequence[str]) -> list[str]:
    """Some 200 cells from all over a column, stripped."""
    step = max(1, len(cells) // LOOKED_AT)
    return [cell.strip()[: LONGEST + 1] for cell in cells[::step]]


def most(cells: Sequence[str], fits: Callable[[str], object]) -> bool:
    """Whether more than half of the cells fit."""
    return sum(bool(fits(cell)) for cell in cells) * 2 > len(cells)


def is_plain_number(text: str) -> bool:
    """Whether a cell is a number that is not the eight digits of a date."""
    if len(text) == 8 and text.isdigit() and ISO.fits(text):
        return False
    return NUMBER.fits(text)


def fitting(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    """Whether a text is a date of a pattern."""
    return TimeForm("", match_reader(pattern)).fits


def match_reader(pattern: re.Pattern[str], order: str | None = None) -> Callable[[str], Moment]:
    """The reader of dates of a pattern."""

    def read(text: str) -> Moment:
        match = pattern.fullmatch(checked_length(text))
        if match is None:
            raise ValueError("the pattern does not fit")
        return moment_of_match(match, order)

    return read


def number_form(sample: Sequence[str]) -> TimeForm:
    """Plain numbers, or the seconds or milliseconds from 1970, or digits of dates that they are."""
    numbers = [float(cell) for cell in sample if NUMBER.fits(cell)]
    for pattern in COMPACT:
        if all(map(fitting(pattern), sample)) and len(set(sample)) > 1:
            return TimeForm(directives(sample[0], pattern), match_reader(pattern))
    for name, unit in EPOCHS.items():
        if all(FIRST_EPOCH * unit <= number < LAST_EPOCH * unit for number in numbers):
            return epoch_form(name)
    return NUMBER


def pattern_form(pattern: re.Pattern[str], sample: Sequence[str], column: str) -> TimeForm:
    """The form of a pattern that fits most of a sample of a column.

    Raises:
        UserError: where the number beside a month seems to be a day, so that the year is missing.
    """
    matches = [match for cell in sample if (match := pattern.fullmatch(cell))]
    parts = [match.groupdict() for match in matches]
    bare = all(part.get("day") is None and len(part["year"] or "") == 2 for part in parts)
    if bare and parts[0].get("name"):
        turns = {key: sum(a[key] != b[key] for a, b in pairwise(parts)) for key in ("name", "year")}
        if turns["year"] > turns["name"]:
            raise UserError(
                f"{column}: {matches[0][0]} seems to be a day without its year; expected dates with "
                "a year. Write it into the times, or give the form by --set time_format=%b-%y if it "
                "is there."
            )
    return TimeForm(directives(matches[0][0], pattern), match_reader(pattern))


def three_numbers_form(cells: Sequence[str], column: str, like: str | None) -> TimeForm:
    """The form of dates of three numbers whose year does not come first, by the whole column.

    Raises:
        UserError: where the day and the month, or two digits of a year, cannot be told apart.
    """
    matches = (
        match for cell in cells if (match := THREE_NUMBERS.fullmatch(cell.strip()[: LONGEST + 1]))
    )
    first, total, told, same = None, 0, 0, True
    fits, example = dict.fromkeys(ORDERS, 0), dict[str, str]()
    for match in matches:
        first, total = first or match, total + 1
        same = same and match["a"] == match["b"]
        possible = [order for order in ORDERS if is_order(match, order)]
        for order in possible:
            fits[order] += 1
        if len(possible) == 1:
            example.setdefault(possible[0], match[0])
            told += 1
        if told >= ENOUGH:
            break
    if first is None:
        raise UserError(f"{column} has no dates of three numbers; expected 31/12/2023.")
    usable = [order for order, count in fits.items() if count >= (1 - ODD) * total]
    names = {order: directives(first[0], THREE_NUMBERS, order) for order in ORDERS}
    # the clock, which is read with or without directives, makes sentences long
    dates = {order: re.split(r"[ T,]+%[HI]", name)[0] for order, name in names.items()}
    if not usable:
        shown = " and ".join(list(example.values())[:2])
        raise UserError(
            f"{column}: the order of day and month is not the same everywhere: {shown}. Write all "
            f"dates in one form, or give it by --set time_format={dates['dmy']} with --skip-bad."
        )
    best = max(fits[order] for order in usable)
    usable = [order for order in usable if fits[order] == best]
    if same and set(usable) == {"dmy", "mdy"}:  # 1/1/1990, 1/1/1991: the order makes no difference
        usable = ["dmy"]
    if first["mark"] == "." and "dmy" in usable:  # with points the day comes first everywhere
        usable = ["dmy"]
    liked = [order for order in usable if like and is_same_order(like, order)]
    if len(usable) > 1 and len(liked) != 1:
        raise UserError(
            f"{column}: {first[0]} may begin with {describe_orders(usable)}. Give the order by --set "
            + " or --set ".join(f"time_format={quote(dates[order])}" for order in usable)
            + "."
        )
    order = liked[0] if len(liked) == 1 else usable[0]
    return TimeForm(names[order], match_reader(THREE_NUMBERS, order))


def is_order(match: re.Match[str], order: str) -> bool:
    """Whether three numbers are a date in an order."""
    if order == "ymd" and len(match["c"]) == 4:
        return False
    day, month, _ = (int(match[group]) for group in ORDERS[order])
    return 1 <= month <= 12 and 1 <= day <= 31


def is_same_order(format: str, order: str) -> bool:
    """Whether the directives of a date of three numbers have an order: %d/%m/%Y is dmy."""
    return "".join(re.findall(r"%([dmyY])", format)).lower() == order and "%b" not in format


def describe_orders(orders: Iterable[str]) -> str:
    """What dates may begin with: "the day or with the month"."""
    words = {"d": "the day", "m": "the month", "y": "the year"}
    return " or with ".join(words[order[0]] for order in orders)
