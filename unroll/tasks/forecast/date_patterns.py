"""Dates in a cell: their patterns, the moment that each tells, and how people name their form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from shlex import quote
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 80  # characters of a date
LAST_YEAR = 40  # two digits up to this are years after 2000

MONTH_NAMES = {
    name: k + 1
    for k, names in enumerate(
        (
            "jan january januar janv janvier ene enero gen gennaio janeiro januari jän jänner",
            "feb february februar fév févr février fevr fevrier febrero febbraio fev fevereiro februari",
            "mar march mär märz mrz maerz mars marzo março mrt maart",
            "apr april avr avril abr abril aprile",
            "may mai mayo mag maggio maio mei",
            "jun june juni juin junio giu giugno junho",
            "jul july juli juil juillet julio lug luglio julho",
            "aug august août aout ago agosto augustus",
            "sep sept september septembre septiembre set settembre setembro",
            "oct october okt oktober octobre octubre ott ottobre out outubro",
            "nov november novembre noviembre novembro",
            "dec december dez dezember déc décembre decembre dic diciembre dicembre dezembro",
        )
    )
    for name in names.split()
}
# hours ahead of UTC of abbreviations that mean one zone only
ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2,
    "EET": 2, "EEST": 3, "EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
CLOCK = (
    r"(?P<hour>\d{1,2})(?:(?:[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s?(?P<half>[AaPp]\.?[Mm]\b\.?)?|h)"
)
ZONE = r"(?:\s?(?P<zone>[A-Za-z]{1,4}|(?:UTC|GMT)?[+\u2212-]\d{2}(?::?\d{2}(?::\d{2})?)?))?(?:\[[\w/+-]+\])?"
REST = rf"(?:(?:\s?[T,]\s?|\s+)(?:at\s)?{CLOCK}{ZONE})?"
MONTH = r"(?P<name>[^\W\d_]{3,10})\.?"
YEAR = r"(?P<year>\d{4}|'?\d{2})"
ORDINAL = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º)?"


def compiled(*dates: str) -> tuple[re.Pattern[str], ...]:
    """Patterns of dates, each with or without a clock after it."""
    return tuple(re.compile(date + REST, re.IGNORECASE) for date in dates)


YEAR_FIRST = compiled(
    r"(?P<year>\d{4})\s?(?P<mark>[-/.])\s?(?P<month>\d{1,2})\s?(?P=mark)\s?(?P<day>\d{1,2})\.?",
    r"(?P<year>\d{4})[-/](?P<month>\d{1,2})",
    r"(?P<year>\d{4})[-/\s]?M(?P<month>\d{1,2})",
    r"(?P<year>\d{4})[-/\s]?Q(?P<quarter>[1-4])",
    r"(?P<year>\d{4})-?W(?P<week>\d{1,2})(?:-?(?P<weekday>[1-7]))?",
    r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?日)?",
)
WEEKDAY = r"(?:(?P<dayname>[^\W\d_]{2,10})\.?,?\s+)?"
THREE_NUMBERS = compiled(
    rf"{WEEKDAY}(?P<a>\d{{1,2}})\s?(?P<mark>[-/.])\s?(?P<b>\d{{1,2}})\s?(?P=mark)\s?(?P<c>\d{{4}}|\d{{2}})\.?"
)[0]
WITH_NAMES = (
    *compiled(
        rf"{WEEKDAY}{MONTH}[\s-]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,\s?|[\s-]+){YEAR}",
        rf"{WEEKDAY}{ORDINAL}[\s/-]*(?:de\s)?{MONTH}(?:\sde|,)?[\s/-]*{YEAR}",
        rf"{MONTH},?[\s/-]*{YEAR}",
        rf"(?P<year>\d{{4}})[\s/-]+{MONTH}(?:[\s/-]+(?P<day>\d{{1,2}}))?",
    ),
    re.compile(
        rf"{WEEKDAY}{MONTH}\s+(?P<day>\d{{1,2}})\s+{CLOCK}\s+(?P<year>\d{{4}})", re.IGNORECASE
    ),
)
YEAR_LAST = compiled(
    r"Q(?P<quarter>[1-4])[-/\s.]*(?P<year>\d{4}|'?\d{2})",
    r"(?P<quarter>[1-4])Q[-/\s]?(?P<year>\d{4}|'?\d{2})",
    r"(?P<month>\d{1,2})[-/](?P<year>\d{4})",
)
COMPACT = (
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?P<hour>\d{2})(?P<minute>\d{2})?(?P<second>\d{2})?"
    ),
    compiled(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})")[0],
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})"),
)
LITERAL = re.compile(
    r"%[A-Za-z]|\b(?:de|at|um|T|h)\b|(?<=%[dmHMSYyI])[Th](?=%)"
)  # what a form may hold
ORDERS = {"dmy": "abc", "mdy": "bac", "ymd": "cba"}  # the groups that hold day, month and year


class Moment(NamedTuple):
    """A time of a table.

    Attributes:
        clock: seconds from 1970 to what the clock shows; the number itself for plain numbers.
        offset: how many seconds that clock is ahead of UTC. None: the table does not say.
    """

    clock: float
    offset: float | None = None


def read_iso(text: str) -> Moment:
    """The moment of a date that begins with its year: `2024-01-31 13:00+01:00`, `2024/1/31`, `2024Q3`.

    Raises:
        ValueError: where the text is not such a date.
    """
    text = checked_length(text)
    try:
        return moment_of(datetime.fromisoformat(text))
    except ValueError:
        for pattern in YEAR_FIRST:
            if match := pattern.fullmatch(text):
                return moment_of_match(match)
        raise


def checked_length(text: str) -> str:
    """A text without blanks around it that is not too long for a date.

    Raises:
        ValueError: where it is longer.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise ValueError("too long for a date")
    return text


def moment_of(date: datetime) -> Moment:
    """The moment of a date of Python."""
    offset = date.utcoffset()
    clock = (date.replace(tzinfo=UTC) - EPOCH).total_seconds()
    return Moment(clock, None if offset is None else offset.total_seconds())


def moment_of_match(match: re.Match[str], order: str | None = None) -> Moment:
    """The moment of a matched date.

    Args:
        match: of one of the patterns.
        order: dmy, mdy or ymd, for three numbers.

    Raises:
        ValueError: where there is no such date.
    """
    parts: dict[str, str | None] = match.groupdict()
    if order is not None:
        groups = zip(("day", "month", "year"), ORDERS[order], strict=True)
        parts |= {part: match[group] for part, group in groups}
    year = full_year(parts["year"] or "")
    if quarter := parts.get("quarter"):
        date = datetime(year, 3 * int(quarter) - 2, 1)
    elif week := parts.get("week"):
        date = datetime.fromisocalendar(year, int(week), int(parts.get("weekday") or 1))
    else:
        month = month_of(parts["name"]) if parts.get("name") else int(parts["month"] or 0)
        date = datetime(year, month, int(parts.get("day") or 1))
    if not parts.get("hour"):
        return moment_of(date)
    try:
        date += clock_of(parts)
    except OverflowError as error:  # the end of the year 9999
        raise ValueError("too late") from error
    zone = (parts.get("zone") or "").replace("\u2212", "-")
    return moment_of(date.replace(tzinfo=zone_of(zone)))


def full_year(digits: str) -> int:
    """A year of four digits, or of two: up to 40 they lie after 2000."""
    digits = digits.lstrip("'")
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (2000 if int(digits) <= LAST_YEAR else 1900)


def month_of(name: str | None) -> int:
    """The month of a name or its abbreviation, in English or a neighbour's language.

    Raises:
        ValueError: where it is no month.
    """
    month = MONTH_NAMES.get((name or "").lower())
    if month is None:
        raise ValueError(f"{name} is not a month")
    return month


def clock_of(parts: dict[str, str | None]) -> timedelta:
    """The time of the day of a match; 24:00 is the end of the day.

    Raises:
        ValueError: where there is no such time.
    """
    hour, minute, second = (int(parts.get(unit) or 0) for unit in ("hour", "minute", "second"))
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} {half} is not a time")
        hour = hour % 12 + 12 * (half[0] in "pP")
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError("not a time of the day")
    fraction = int((parts.get("fraction") or "0")[:6].ljust(6, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction)


def zone_of(text: str) -> timezone | None:
    """The offset in `+02:00`, `+0200`, `UTC+2`, `CEST`; None where there is none.

    Raises:
        ValueError: where it is none that means one offset.
    """
    if not text or text.lower() in ("uhr", "h"):
        return None
    if text.upper() in ZONES:
        return timezone(timedelta(hours=ZONES[text.upper()]))
    found = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})?(?::?(\d{2}))?", text, re.IGNORECASE)
    if not found:
        raise ValueError(f"{text} is not an offset from UTC")
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    size = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-size if found[1] == "-" else size)


def directives(text: str, pattern: re.Pattern[str], order: str | None = None) -> str:
    """The directives of `datetime.strptime` of a matched date, for people: "%b %d, %Y"."""
    match = pattern.fullmatch(text.strip())
    if match is None:
        return text
    names = dict(zip(ORDERS[order], ("day", "month", "year"), strict=True)) if order else {}
    spans = sorted(
        (match.span(group), names.get(group, group), match[group])
        for group in match.groupdict()
        if match[group] and group != "mark"
    )
    written, at = "", 0
    for (begin, end), part, cell in spans:
        written += match.string[at:begin] + directive_of(part, cell, match)
        at = end
    return written + match.string[at:]


def directive_of(part: str, cell: str, match: re.Match[str]) -> str:
    """The directive of one part of a date."""
    if part == "year":
        return "%Y" if len(cell) == 4 else cell[:-2] + "%y"
    if part == "name":
        return "%b" if len(cell) <= 4 else "%B"
    if part == "dayname":
        return "%a" if len(cell) <= 3 else "%A"
    if part == "hour":
        return "%I" if match.groupdict().get("half") else "%H"
    return {
        "month": "%m", "day": "%d", "minute": "%M", "second": "%S", "fraction": "%f", "half": "%p",
        "zone": "%z", "week": "%V", "weekday": "%u",
    }.get(part, cell)  # fmt: skip


def example_format(text: str) -> str:
    """Directives that may fit a text, as an example of `--set time_format` for an error."""
    text = text.strip()[:40]
    left = ["%d", "%m", "%y"]
    seen: set[str] = set()

    def name(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in MONTH_NAMES:
            seen.add("%m")
            return "%b" if len(word) <= 4 else "%B"
        if word.isdigit() and len(word) == 4 and "%Y" not in seen:
            seen.update(("%Y", "%y"))
            left[:2] = ["%m", "%d"] if match.start() == 0 else left[:2]
            return "%Y"
        if word.isdigit() and len(word) == 3:
            return "%j"
        if word.isdigit() and len(word) <= 2:
            free = next((each for each in left if each not in seen), None)
            if free is not None:
                seen.add(free)
                return free
        return word

    date, clock, rest = re.fullmatch(
        r"(.*?)(\d{1,2}:\d{2}(?::\d{2})?)?(\D*)", text, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    if not re.search(r"\d", text):
        return "%Y-%m-%d"
    hours = "%I" if re.match(r"\s*[AaPp][Mm]", rest) else "%H"
    times = "" if clock is None else hours + ":%M" + (":%S" if clock.count(":") == 2 else "")
    return re.sub(r"[^\W\d_]+|\d+", name, date) + times + re.sub(r"[AaPp][Mm]", "%p", rest)


def format_advice(text: str) -> str:
    """An example of `--set time_format` for a text that is a date in an unknown form, or "" for others.

    Examples:
        >>> from unroll.tasks.forecast.date_patterns import format_advice
        >>> format_advice("31~12~2023"), format_advice("FY22 W01")
        ("--set time_format='%d~%m~%Y'", '')
    """
    format = example_format(text)
    rest = LITERAL.sub("", format)
    is_date = "%d" in format or "%m" in format or "%b" in format or "%B" in format
    if not re.search(r"\d", text) or re.search(r"\w", rest) or not is_date:
        return ""
    return f"--set time_format={quote(format)}" if re.search("%[Yy]", format) else ""
