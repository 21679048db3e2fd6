"""Bars beside words, on a logarithmic scale: one row for each step, one bar for each quantity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from unroll.inspect.drawing import Box, Drawing, Polyline, TextMark
from unroll.inspect.finding import text_table
from unroll.terminal import printable, shortened

LETTER, BAR, GAP, TOP, LINE = 7.2, 9.0, 6.0, 66.0, 14.0
WIDE = 300.0  # of the longest bar
DEPTH = 12  # powers of ten below the largest value that the scale shows
KINDS = ("given", "lit", "made", "weight")  # the colours of the bars, in turn
CHARACTERS = 24  # of the longest bar in a terminal


def draw_word_bars(
    title: str,
    words: Sequence[str],
    bars: Mapping[str, Sequence[float]],
    *,
    marked: int | None = None,
    notes: Sequence[str] = (),
    cut: tuple[int, str] | None = None,
) -> Drawing:
    """One row for each word, with a bar for each quantity and its number behind it.

    Args:
        title: above it.
        words: one a step.
        bars: at most four quantities by name, a number for each step; zero has no bar.
        marked: the row that stands out, where the loss is.
        notes: at the end of each row. Default: none.
        cut: a line above the row of this number, and what it says.
    """
    shown = [shown_word(word) for word in words]
    left = 16 + max(map(len, shown), default=1) * LETTER
    bottom, top = scale([value for values in bars.values() for value in values])
    number = 9 * LETTER
    note = max(map(len, notes), default=0) * LETTER
    width = max(left + WIDE + number + note + 12, len(title) * LETTER + 16)
    each = max(1, len(bars)) * BAR + GAP + (LINE - BAR if len(bars) < 2 else 0)
    drawing = Drawing(round(width), round(TOP + len(words) * each + 30), title)
    marks = drawing.marks
    marks.append(TextMark(8, 18, title))
    x = 8.0
    for kind, name in zip(KINDS, bars, strict=False):
        marks += [Box(x, 30, 14, BAR, kind), TextMark(x + 20, 39, name)]
        x += 34 + len(name) * LETTER
    for power in range(bottom, top + 1, max(1, math.ceil((top - bottom) / 4))):
        at = left + (power - bottom) / (top - bottom) * WIDE
        marks.append(Polyline([(at, TOP - 6), (at, TOP + len(words) * each)], "grid"))
        marks.append(TextMark(at, TOP - 10, f"1e{power}", "mid"))
    for n, word in enumerate(shown):
        y = TOP + n * each
        if n == marked:
            marks.append(Box(4, y - GAP / 2 + 1, width - 8, each - 2, "operation"))
        marks.append(TextMark(left - 8, y + (each - GAP) / 2 + 4, word, "end"))
        for k, values in enumerate(bars.values()):
            share = share_of_scale(values[n], bottom, top)
            if share > 0:
                marks.append(Box(left, y + k * BAR, share * WIDE, BAR - 1, KINDS[k]))
            if len(bars) < 3 or k == 0:
                text = f"{values[n]:.1e}" if values[n] else "0"
                marks.append(TextMark(left + share * WIDE + 6, y + k * BAR + BAR, text))
        if notes:
            end = left + WIDE + number
            marks.append(TextMark(end, y + (each - GAP) / 2 + 4, notes[n]))
    if cut is not None:
        y = TOP + cut[0] * each - GAP / 2
        marks.append(Polyline([(4, y), (width - 4, y)], "level"))
        marks.append(TextMark(width - 8, y - 3, cut[1], "end"))
    return drawing


def shown_word(word: str) -> str:
    """A step as a picture names it."""
    named = {" ": "space", "\n": "newline", "\t": "tab"}
    return named.get(word) or shortened(printable(word), 16)


def scale(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten at both ends of a scale that shows these values."""
    good = [v for v in values if v > 0 and math.isfinite(v)]
    if not good:
        return -1, 0
    top = math.ceil(math.log10(max(good)) - 1e-9)
    return min(top - 1, max(top - DEPTH, math.floor(math.log10(min(good)) - 1e-9))), top


def share_of_scale(value: float, bottom: int, top: int) -> float:
    """Where a value is between both ends, from 0 to 1."""
    if not value > 0:
        return 0.0
    share = 1.0 if math.isinf(value) else (math.log10(value) - bottom) / (top - bottom)
    return min(1.0, max(0.0, share))


def text_bar(value: float, bottom: int, top: int) -> str:
    """A bar of a terminal."""
    return "#" * round(share_of_scale(value, bottom, top) * CHARACTERS)


def table_with_bars(rows: Sequence[Sequence[str]], values: Sequence[float]) -> list[str]:
    """The lines of a table for terminals, with a bar behind each row.

    Args:
        rows: the first one is the heading; those after the last value have no bar.
        values: one for each row after the heading.
    """
    table, (low, high) = text_table(rows).splitlines(), scale(values)
    bars = ["", *(text_bar(value, low, high) for value in values)]
    width = max(map(len, table))
    return [
        f"{row.ljust(width)}  {bar}".rstrip() for row, bar in zip_longest(table, bars, fillvalue="")
    ]
