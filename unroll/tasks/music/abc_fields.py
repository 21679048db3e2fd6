"""The values of fields and signs of ABC: metre, unit, tempo, lengths, endings, tuplets.

A number of more than four digits is none of them: its work would have no bound.
"""

from __future__ import annotations

import re
from fractions import Fraction

MOST_DIGITS, MOST_SLASHES = 4, 10
NUMBER = rf"\d{{1,{MOST_DIGITS}}}"
METRE = re.compile(rf"\(?({NUMBER}(?:\+{NUMBER})*)\)?/({NUMBER})$")
LENGTH = re.compile(r"(\d*)(/*)(\d*)")
UNIT = re.compile(rf"({NUMBER})/({NUMBER})$")
TEMPO = re.compile(rf"(?:({NUMBER})/({NUMBER})\s*=\s*)?(?<!\d)(\d{{1,6}}(?:\.\d{{1,6}})?)(?!\d)")


def parse_metre(value: str) -> tuple[int, int] | None:
    """The beats of a bar and the length of a beat: (6, 8); None for a free or unknown metre.

    Examples:
        >>> from unroll.tasks.music.abc_fields import parse_metre
        >>> parse_metre("6/8"), parse_metre("C|"), parse_metre("2+3/8"), parse_metre("none")
        ((6, 8), (2, 2), (5, 8), None)
    """
    named = {"C": (4, 4), "C|": (2, 2)}
    if value in named:
        return named[value]
    found = METRE.match(value)
    if found is None or int(found[2]) == 0:
        return None
    beats = sum(int(part) for part in found[1].split("+"))
    return (beats, int(found[2])) if beats else None


def parse_length(text: str) -> Fraction:
    """A length in units: 3/2, 2, / for a half, // for a quarter.

    Examples:
        >>> from unroll.tasks.music.abc_fields import parse_length
        >>> [str(parse_length(text)) for text in ("3/2", "2", "/", "//", "3/", "/4")]
        ['3/2', '2', '1/2', '1/4', '3/2', '1/4']
    """
    whole, slashes, below = LENGTH.match(text).groups()  # type: ignore[union-attr]
    if max(len(whole), len(below)) > MOST_DIGITS or len(slashes) > MOST_SLASHES:
        return Fraction(1)
    divisor = int(below or 2) ** len(slashes) if not below else int(below)
    return Fraction(int(whole or 1), max(1, divisor) if slashes else 1)


def parse_unit(value: str) -> Fraction | None:
    """The unit that an L: field gives, in whole notes; None where it gives none."""
    found = UNIT.match(value)
    ok = found is not None and int(found[1]) and int(found[2])
    return Fraction(int(found[1]), int(found[2])) if ok and found else None


def default_unit(metre: tuple[int, int] | None) -> Fraction:
    """The unit of a tune without an L: field, in whole notes."""
    small = metre is not None and Fraction(*metre) < Fraction(3, 4)
    return Fraction(1, 16) if small else Fraction(1, 8)


def parse_tempo(value: str, unit: Fraction) -> float | None:
    """Quarter notes per minute by a Q: field; None where it gives no tempo.

    Args:
        value: 1/4=120, 3/8=90, or 120 for units per minute.
        unit: of the tune, in whole notes.
    """
    found = TEMPO.search(re.sub(r'"[^"]*"', "", value))
    if found is None or not float(found[3]) or (found[2] and not int(found[2])):
        return None
    beat = Fraction(int(found[1]), int(found[2])) if found[1] else unit
    return float(found[3]) * float(4 * beat)


def parse_passes(text: str) -> tuple[int, ...]:
    """The passes of a repeat that an ending is for: 1, or 1,3 or 1-3."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and max(len(first), len(last)) <= MOST_DIGITS:
            found += range(int(first), min(int(last or first), int(first) + 9) + 1)
    return tuple(found)


def parse_tuplet(text: str, metre: tuple[int, int] | None) -> tuple[int, Fraction]:
    """How many notes a tuplet has, and the factor of their lengths.

    (3 puts three notes into the time of two; (p:q:r puts p into the time of q for the next r notes.
    """
    parts = [int(n or 0) if len(n) <= MOST_DIGITS else 0 for n in text[1:].split(":")]
    p, q, r = [*parts, 0, 0][:3]
    odd = 3 if metre and metre[1] == 8 and metre[0] % 3 == 0 else 2
    usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
    return (r or p), Fraction(q or usual.get(p, odd), max(p, 1))
