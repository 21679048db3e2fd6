"""A text in lines for a terminal, with rows of characters below it: the level of a unit, a label."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH = 76  # characters of a line
LEVELS = "=-.+#"  # from strongly negative to strongly positive


def visible(token: str) -> str:
    """A token as it can stand in a line: line ends and tabs as escapes."""
    return repr(token)[1:-1] if not token.isprintable() else token


def text_with_rows(tokens: Sequence[str], spaced: bool, rows: Sequence[Sequence[str]]) -> list[str]:
    """The text in lines of at most `WIDTH` characters, below each some rows of one character a token.

    Args:
        tokens: in order.
        spaced: whether they are words, with a space between; other tokens longer than one character get
            a space behind them too.
        rows: a character for each token; it is repeated below the whole token.

    Examples:
        >>> text_with_rows(["the", "cats"], True, ["01"])
        ['  the cats', '  000 1111']
    """
    lines: list[str] = []
    parts: list[str] = ["" for _ in range(1 + len(rows))]
    for n, token in enumerate(tokens):
        shown = visible(token)
        gap = " " if spaced or len(token) != 1 else ""
        if parts[0] and len(parts[0]) + len(shown) + len(gap) > WIDTH:
            lines += [f"  {part}" for part in parts]
            parts = ["" for _ in parts]
        parts[0] += shown + gap
        for k, row in enumerate(rows, 1):
            parts[k] += row[n] * len(shown) + gap
    return [line.rstrip() for line in (*lines, *(f"  {part}" for part in parts))]


def levels_of(values: Sequence[float]) -> list[str]:
    """The level of each number as a character of `LEVELS`, relative to the largest; blank for NaN."""
    largest = max((abs(v) for v in values if not math.isnan(v)), default=0.0) or 1.0
    return [
        " " if math.isnan(v) else LEVELS[min(len(LEVELS) - 1, int((v / largest + 1) * 2.5))]
        for v in values
    ]


def label_marks(labels: Sequence[float]) -> list[str]:
    """Each label as a character: a digit, + and - for what is beyond, blank for none."""
    return [
        " " if math.isnan(v) else str(round(v)) if 0 <= round(v) <= 9 else "+" if v > 0 else "-"
        for v in labels
    ]
