"""Named bars one below the other, as wide as a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unroll.inspect.drawing import Area, Drawing, Polyline, TextMark
from unroll.inspect.task_pictures.plane import LETTER, WIDTH, shorten

ROW, HIGH_ROW, TOP = 24.0, 40.0, 30.0  # a bar with its room, one with its name above it, the title
NAME, LONG_NAME = 20, 54  # letters of a name before a bar, and above it
BAR = 18.0  # height
WIDE_LETTER = 7.2  # so that no name is cut off


@dataclass(frozen=True)
class BarRow:
    """A bar.

    Attributes:
        name: before it, or above all of them where one is long.
        value: its length; nothing is drawn where it is no number.
        text: after it.
        colour: its number in the palette.
    """

    name: str
    value: float
    text: str
    colour: int = 0


def draw_bar_rows(
    rows: Sequence[BarRow], title: str, most: float | None = None, level: float | None = None
) -> Drawing:
    """Bars one below the other.

    Args:
        rows: one or more.
        title: above them.
        most: the value of a bar of full length. Default: the largest.
        level: a value that is marked by a dashed line.
    """
    above = any(len(row.name) > NAME for row in rows)
    names = [shorten(row.name, LONG_NAME if above else NAME) for row in rows]
    left = 12.0 if above else 14 + max(map(len, names), default=0) * WIDE_LETTER
    right = WIDTH - 14 - max((len(row.text) for row in rows), default=0) * LETTER
    known = [row.value for row in rows if math.isfinite(row.value)]
    full = most or max([*known, level or 0.0], default=0.0) or 1.0
    high = HIGH_ROW if above else ROW
    drawing = Drawing(WIDTH, round(TOP + high * len(rows) + 8), title)
    drawing.marks.append(TextMark(8, 18, title))
    for k, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = TOP + (k + 1) * high - BAR - 3
        length = max(0.0, row.value / full) * (right - left) if math.isfinite(row.value) else 0.0
        pointed = f"{row.name}: {row.text}"
        place = (left, y - 4, "start") if above else (left - 6, y + 12, "end")
        drawing.marks += [
            TextMark(place[0], place[1], name, place[2]),
            Area.rectangle((left, y), (max(length, 0.5), BAR), row.colour, 0.7, pointed),
            TextMark(left + length + 6, y + 12, row.text),
        ]
    if level is not None:
        x = left + level / full * (right - left)
        drawing.marks.append(Polyline([(x, TOP), (x, TOP + high * len(rows))], "level"))
    return drawing
