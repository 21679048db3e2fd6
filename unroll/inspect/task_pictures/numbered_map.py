"""A small heat map whose columns are numbered, and named in a legend below: legible on a phone.

R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.inspect.drawing import Drawing, Pixels, TextMark
from unroll.inspect.heat_map import value_colours
from unroll.inspect.task_pictures.plane import LETTER, WIDTH, shorten

ROW, TOP = 18.0, 42.0  # height of a row, and what is above the map
NAME = 16  # letters of a name
LINE = 17
WIDE_LETTER = 7.4  # so that no name is cut off


def draw_numbered_map(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str
) -> Drawing:
    """A heat map, dark for 0 and pale for the largest value.

    Args:
        values: [R, C].
        rows: R names.
        columns: C names.
        title: above it.
    """
    R, C = values.shape
    names = [shorten(visible(name), NAME) for name in rows]
    left = 16 + max(map(len, names), default=0) * WIDE_LETTER
    wide = min(WIDTH - left - 10, C * 26.0)
    cell, every = wide / C, 1 if wide / C >= 15 else 5
    legend = legend_of(columns)
    drawing = Drawing(WIDTH, round(TOP + R * ROW + 12 + LINE * len(legend)), title)
    marks = drawing.marks
    marks.append(TextMark(8, 18, shorten(title, 56)))
    marks.append(
        Pixels(
            left,
            TOP,
            wide,
            R * ROW,
            value_colours(values / (values.max(initial=0.0) or 1.0), False),
        )
    )
    for k, name in enumerate(names):
        marks.append(TextMark(left - 6, TOP + (k + 0.5) * ROW + 4, name, "end"))
    for k in range(0, C, every):
        marks.append(TextMark(left + (k + 0.5) * cell, TOP - 5, f"{k + 1}", "mid"))
    for n, line in enumerate(legend):
        marks.append(TextMark(12, TOP + R * ROW + 18 + LINE * n, line))
    return drawing


def legend_of(columns: Sequence[str]) -> list[str]:
    """The numbers of the columns with their names, in lines that fit; one letter each needs no numbers."""
    if all(len(name) == 1 for name in columns[:-1]) and len(columns) > 6:
        words = [visible(name) for name in columns]
    else:
        words = [f"{k} {shorten(visible(name), NAME)}" for k, name in enumerate(columns, 1)]
    lines = [""]
    for word in words:
        if (len(lines[-1]) + len(word) + 3) * LETTER > WIDTH - 20:
            lines.append("")
        lines[-1] += f"{' · ' if lines[-1] else ''}{word}"
    return lines


def visible(token: str) -> str:
    """A token with its spaces and line ends visible."""
    return token.replace("\n", "↵").replace(" ", "␣") or "∅"
