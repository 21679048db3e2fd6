"""Named bars one below the other, as wide as a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unroll.inspect.drawing import Area, Drawing, Polyline, TextMark
from unroll.inspect.task_pictures.plane import LETTER, WIDTH, shorten

ROW, TOP = 24.0, 30.0  # height of a bar with its room, and of the title
NAME = 22  # letters of a name


@dataclass(frozen=True)
class BarRow:
    """A bar.

    Attributes:
        name: before it.
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
    names = [shorten(row.name, NAME) for row in rows]
    left = 12 + max(map(len, names), default=0) * LETTER
    right = WIDTH - 14 - max((len(row.text) for row in rows), default=0) * LETTER
    known = [row.value for row in rows if math.isfinite(row.value)]
    full = most or max([*known, level or 0.0], default=0.0) or 1.0
    drawing = Drawing(WIDTH, round(TOP + ROW * len(rows) + 8), title)
    drawing.marks.append(TextMark(8, 18, title))
    for k, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = TOP + k * ROW
        length = max(0.0, row.value / full) * (right - left) if math.isfinite(row.value) else 0.0
        pointed = f"{row.name}: {row.text}"
        drawing.marks += [
            TextMark(left - 6, y + 15, name, "end"),
            Area.rectangle((left, y + 3), (max(length, 0.5), ROW - 6), row.colour, 0.7, pointed),
            TextMark(left + length + 6, y + 15, row.text),
        ]
    if level is not None:
        x = left + level / full * (right - left)
        drawing.marks.append(Polyline([(x, TOP), (x, TOP + ROW * len(rows))], "level"))
    return drawing
