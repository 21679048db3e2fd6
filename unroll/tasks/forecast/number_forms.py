"""How numbers are written in a table: its decimal mark, and what stands around the digits.

1.029 is about one with a decimal point, and about a thousand where points stand between thousands. So
the mark is found once for all columns of a table, logged, and asked for where the table does not tell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from unroll.errors import UserError

# what a missing number looks like
MISSING = set("na nan n/a null none - ? . #n/a #na <na> n.a. -- .. ...".split()) | {""}
EXAMPLES = 2  # numbers that a sentence shows
LONGEST = 80  # characters of a number
ODD = 0.05  # share of numbers with the other decimal mark that are bad records, no reason to ask
MARKS = {"point": ".", "dot": ".", "comma": ",", "space": " ", "apostrophe": "'", "none": ""}
NAMES = {".": "point", ",": "comma"}
OTHER = {".": ",", ",": "."}
CODES = (
    "USD EUR GBP JPY CNY INR CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF BRL MXN ZAR RUB KRW TRY SGD HKD"
).split()
CURRENCY = rf"(?:[A-Z]{{0,2}}[$]|[€£¥₹₩₽₺₪฿₫₴₦₱¢]|{'|'.join(CODES)}|kr\.?|zł|Kč|Ft|Fr\.)"
FACTORS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
# spaces, minus signs and apostrophes that are written for the plain ones
PLAIN = str.maketrans("\u00a0\u202f\u2009\u2007\u2212\u2013\u2019\u2018\u02bc`", "    --''''")
NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<before>{CURRENCY})?\s*(?P<second>[+-])?\s*"
    r"(?P<body>\d[\d.,' ]*\d[.,]?|\d[.,]?|[.,]\d+)(?P<power>[eE][+-]?\d+)?(?P<factor>[kKMB])?\s*"
    rf"(?P<after>%|{CURRENCY})?\s*(?P<last>-)?\s*(?P<close>\))?"
)


class WrittenNumber(NamedTuple):
    """A number taken apart, before its decimal mark is known.

    Attributes:
        body: its digits and the marks between them.
        negative: whether a minus sign or the brackets of accounts are around it.
        factor: what K, M or B after it multiply it by, and its power of ten, as text.
        unit: the % or the currency, or "".
    """

    body: str
    negative: bool
    factor: float
    power: str
    unit: str


def take_apart(text: str) -> WrittenNumber | None:
    """The parts of a number as people write it: `-1.234,50 €`, `(1,234)`, `12.5%`, `1'000`, `5-`.

    Returns:
        None where the text is no number.
    """
    if len(text) > LONGEST:
        return None
    match = NUMBER.fullmatch(text.translate(PLAIN).strip())
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    signs = [sign for sign in (match["sign"], match["second"], match["last"]) if sign]
    units = [unit for unit in (match["before"], match["after"]) if unit]
    if len(signs) + bool(match["open"]) > 1 or len(units) > 1 or marks_of(match["body"]) is None:
        return None
    factor = FACTORS[match["factor"] or ""]
    negative = bool(match["open"]) or signs == ["-"]
    return WrittenNumber(match["body"], negative, factor, match["power"] or "", "".join(units))


def marks_of(body: str) -> str | None:
    """The decimal mark that the digits and marks of a number tell.

    Returns:
        `.` or `,`; "" where there is none; `?.` or `?,` where the mark may stand between thousands;
        None where it is no number.
    """
    marks = [mark for mark in body if mark in ".,"]
    kinds = set(marks)
    if not kinds:
        return "" if is_grouped(body) else None
    last = marks[-1]
    whole, _, fraction = body.rpartition(last)
    if len(kinds) == 2:
        fits = marks.count(last) == 1 and fraction.isdigit() and is_grouped(whole)
        return last if fits else None
    if len(marks) > 1:
        return OTHER[last] if is_grouped(body) else None
    if fraction and not fraction.isdigit():
        return None
    if whole and not is_grouped(whole):
        return None
    if len(fraction) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0":
        return f"?{last}"
    return last


def is_grouped(body: str) -> bool:
    """Whether whole digits are written without marks, or with one kind of mark between thousands."""
    if body.isdigit():
        return True
    found = re.fullmatch(
        r"\d{1,3}([., '])\d{3}(?:\1\d{3})*|\d{1,2}([,])\d{2}(?:,\d{2})*,\d{3}", body
    )
    return found is not None


def is_written_number(text: str) -> bool:
    """Whether a cell is a number with any decimal mark."""
    try:
        float(text)
        return True
    except ValueError:
        return take_apart(text) is not None


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a table are written.

    Attributes:
        decimal: the decimal mark, `.` or `,`.
        known: whether the table tells it; else no number has a mark.
        groups: whether marks between thousands are read.
        units: the % of a column whose numbers have one, or its currency.
        messages: sentences on what is not a plain number with a decimal point.
    """

    decimal: str = "."
    known: bool = True
    groups: bool = True
    units: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()

    def value(self, column: str, text: str) -> float:
        """The number in a cell.

        Raises:
            ValueError: with what was expected instead, for any other text.
        """
        own = self.units.get(column, "")
        if self.decimal == "." and own != "%":
            try:
                return float(text)
            except ValueError:
                pass  # it may have a unit, or marks between thousands
        parts = take_apart(text)
        if parts is None:
            return special(text)
        body, thousands = parts.body, OTHER[self.decimal]
        whole, _, fraction = body.partition(self.decimal)
        if not (fraction.isdigit() or not fraction) or not (whole == "" or is_grouped(whole)):
            raise ValueError(f"a number with a decimal {NAMES[self.decimal]}")
        if not self.groups and not whole.isdigit() and whole:
            raise ValueError("a number without marks between thousands")
        digits = re.sub(rf"[{thousands}' ]", "", whole) or "0"
        number = float(f"{digits}.{fraction or 0}{parts.power}") * parts.factor
        if parts.unit != own and "%" in (own, parts.unit) and number:
            raise ValueError("a number in %" if own else "a number without %")
        if parts.unit != own and parts.unit and own:
            raise ValueError(f"a number in {own}")
        return -number if parts.negative else number


def special(text: str) -> float:
    """What Python reads as a number though it has no digits of its own form: inf, nan, 1_000.

    Raises:
        ValueError: for any other text.
    """
    if re.search(r"[.,]", text):
        raise ValueError("a number")
    return float(text)


@dataclass
class ColumnMarks:
    """What the numbers of one column tell of the decimal mark.

    Attributes:
        sure: how many numbers tell each decimal mark.
        open: how many have each mark where it may stand between thousands.
        small: how many are whole, without a mark, and below 1000.
        large: how many are whole, without a mark, and not below 1000.
        zeros: how many of the open ones end in 0.
        grouped: how many have a mark between thousands for sure.
        first: the line and text of the first number of each kind.
        units: how many numbers have each unit.
    """

    sure: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    small: int = 0
    large: int = 0
    zeros: int = 0
    grouped: int = 0
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    units: Counter[str] = field(default_factory=Counter)

    def add(self, line: int, text: str) -> None:
        """Count a number."""
        whole, _, fraction = text.partition(".")
        if fraction.isdigit() and len(fraction) != 3 and whole.lstrip("-").isdigit():
            self.sure["."] += 1  # what most numbers of most tables are
            self.units[""] += 1
            self.first.setdefault(".", (line, text))
            return
        if text.isdecimal():
            self.small += len(text) <= 3
            self.large += len(text) > 3
            self.units[""] += 1
            return
        parts = take_apart(text)
        if parts is None:
            return
        told = marks_of(parts.body) or ""
        if told and parts.power:
            told = told[-1]
        self.units[parts.unit] += 1
        if parts.unit or parts.factor != 1:
            self.first.setdefault("unit", (line, text))
        if not told:
            whole = re.sub(r"\D", "", parts.body)
            self.small += len(whole) <= 3
            self.large += len(whole) > 3 and parts.body.isdigit()
            return
        self.first.setdefault(told, (line, text))
        if told[0] == "?":
            self.open[told[1]] += 1
            self.zeros += parts.body.endswith("0")
        else:
            self.sure[told] += 1
            if OTHER[told] in parts.body:
                self.grouped += 1
                self.first.setdefault("grouped", (line, text))

    def decimal(self) -> str:
        """The decimal mark that only this column tells; "" where it does not."""
        if self.sure or len(self.open) != 1:
            return self.sure.most_common(1)[0][0] if self.sure else ""
        (mark,) = self.open
        if self.large:  # 1029 beside 1.029: thousands have no mark here
            return mark
        if self.small and self.zeros:  # 998 beside 1.030, so zeros at the end are not dropped
            return OTHER[mark]
        return ""


def asked_mark(flag: str, text: str | None) -> str | None:
    """The mark that a setting asks for, by itself or in a word.

    Raises:
        UserError: where it is none.
    """
    if text is None or text == "auto":
        return None
    mark = MARKS.get(text.lower(), text)
    if mark not in ((".", ",") if flag == "decimal" else (".", ",", " ", "'", "")):
        more = "" if flag == "decimal" else ", space, apostrophe or none"
        raise UserError(
            f"--set {flag}={text[:20]}: expected point or comma{more}, or the mark itself."
        )
    return mark


def find_number_form(
    name: str,
    columns: Mapping[str, Iterable[tuple[int, str]]],
    asked: tuple[str | None, str | None] = (None, None),
    like: str | None = None,
    like_units: Mapping[str, str] | None = None,
    european: bool = False,
) -> NumberForm:
    """Find how the numbers of a table are written.

    Args:
        name: the file, for errors.
        columns: the line and the text of each number, by column.
        asked: the settings `decimal` and `thousands`.
        like: the decimal mark of the run's training table, which this one has to have.
        like_units: the unit of each column there, "" where it has none.
        european: whether the file is written as where commas are decimal marks.

    Raises:
        UserError: where the table does not tell its decimal mark, or tells two, or another one than
            the run's.
    """
    decimal, thousands = asked_mark("decimal", asked[0]), asked_mark("thousands", asked[1])
    if decimal is not None and decimal == thousands:
        raise UserError(
            f"--set decimal={asked[0]} and --set thousands={asked[1]} are the same mark; expected two."
        )
    decimal = decimal or OTHER.get(thousands or "")
    marks = {column: ColumnMarks() for column in columns}
    for column, cells in columns.items():
        for line, text in cells:
            marks[column].add(line, text)
    found = decimal or decide(name, marks, thousands == "", european, like)
    if like and found and found != like and decimal is None:
        line, text = first_of(marks, found, f"?{like}")
        raise UserError(
            f"{name}, line {line}: the table has numbers with a decimal {NAMES[found]}, such as "
            f"{text[:40]}; expected a decimal {NAMES[like]}, as in the training data of the run. Write "
            f"them so, or confirm the {NAMES[found]} by --set decimal={NAMES[found]}."
        )
    units = {column: unit for column, each in marks.items() if (unit := usual_unit(each))}
    for column, unit in (like_units or {}).items():
        if column in marks and marks[column].units and "%" in (unit, own := units.get(column, "")):
            if unit != own:
                kinds = ("in %", "without %") if own else ("without %", "in %")
                raise UserError(
                    f"{name}: the numbers of {column} are {kinds[0]}; expected them {kinds[1]}, as in "
                    "the training data of the run."
                )
    form = NumberForm(found or like or ".", bool(found or like), thousands != "", units)
    return replace(form, messages=tuple(describe_form(name, form, marks)))


def usual_unit(marks: ColumnMarks) -> str:
    """The unit that most of the numbers of a column have, or ""."""
    return marks.units.most_common(1)[0][0] if marks.units else ""


def decide(
    name: str, marks: Mapping[str, ColumnMarks], ungrouped: bool, european: bool, like: str | None
) -> str:
    """The decimal mark that the columns of a table tell together; "" where no number has a mark.

    Args:
        name: the file, for errors.
        marks: of each column.
        ungrouped: whether no marks stand between thousands.
        european: whether the file is written as where commas are decimal marks.
        like: the decimal mark of the run, which decides where the table does not.

    Raises:
        UserError: where they contradict each other, or do not tell it.
    """
    sure: Counter[str] = sum((each.sure for each in marks.values()), Counter())
    if ungrouped:
        sure = sum((each.open for each in marks.values()), sure)
    if len(sure) == 2 and min(sure.values()) > ODD * sure.total():
        (line, text), (other, second) = (first_of(marks, mark) for mark in ".,")
        raise UserError(
            f"{name} has numbers with a decimal point, {text[:30]} in line {line}, and others with a "
            f"comma, {second[:30]} in line {other}. Write them in one form, or give the mark by --set "
            "decimal=point or --set decimal=comma and skip the others by --skip-bad."
        )
    by_column = {each.decimal() for each in marks.values() if not each.sure} - {""}
    told = sure.most_common(1)[0][0] if sure else ""
    if ungrouped or (told and by_column <= {told}):
        return told
    if not told and len(by_column) == 1:
        return by_column.pop()
    is_open: Counter[str] = sum((each.open for each in marks.values()), Counter())
    if not is_open:
        return told
    if not by_column and set(is_open) == {"."} and not european and not like:
        # every number has a point and three digits after it: measured so, as long as it is said
        if not any(each.small for each in marks.values() if each.open):
            return "."
    if like and not by_column - {like}:
        return like
    return ask(name, marks)


def ask(name: str, marks: Mapping[str, ColumnMarks]) -> str:
    """Ask for the decimal mark.

    Raises:
        UserError: always, with the first number that may be read in two ways.
    """
    mark = next(mark for mark in ".," if any(each.open[mark] for each in marks.values()))
    line, text = first_of(marks, f"?{mark}")
    body = take_apart(text).body  # type: ignore[union-attr]
    large, small = body.replace(mark, ""), body.replace(mark, ".")
    raise UserError(
        f"{name}, line {line}: {text[:40]} is {large} if its {NAMES[mark]} stands between thousands, and "
        f"{small} if it is the decimal mark. Say which: --set decimal={NAMES[OTHER[mark]]} for "
        f"{large}, --set decimal={NAMES[mark]} for {small}."
    )


def first_of(marks: Mapping[str, ColumnMarks], *kinds: str) -> tuple[int, str]:
    """The line and text of the first number of the first kind that there is."""
    for kind in kinds:
        found = [each.first[kind] for each in marks.values() if kind in each.first]
        if found:
            return min(found)
    return 0, ""


def describe_form(name: str, form: NumberForm, marks: Mapping[str, ColumnMarks]) -> Sequence[str]:
    """Sentences on how numbers are read that are not plain, each with an example of the table."""
    sentences, shown = [], dict[str, str]()
    thousands = OTHER[form.decimal]
    for column, each in marks.items():
        kinds = ["grouped", f"?{thousands}"]
        if form.decimal == ",":
            kinds = [",", *kinds, "?,"]
        elif not each.sure and (each.small or not any(one.sure for one in marks.values())):
            kinds.append("?.")  # it could stand between thousands as well
        for kind in kinds:
            if kind in each.first and len(shown) < EXAMPLES:
                text = each.first[kind][1]
                try:
                    shown.setdefault(text, f"{form.value(column, text):.10g}")
                except ValueError:
                    continue
    if shown:
        examples = " and ".join(f"{text} as {value}" for text, value in shown.items())
        sentences.append(
            f"The numbers of {name} are read with a decimal {NAMES[form.decimal]}, {examples} "
            f"(--set decimal={NAMES[thousands]} reads them otherwise)."
        )
    for column, each in marks.items():
        if "unit" in each.first:
            line, text = each.first["unit"]
            try:
                value = form.value(column, text)
            except ValueError:
                continue
            sentences.append(f"{column} has units: {text} in line {line} is read as {value:.10g}.")
    return sentences
