"""Which class is taken for which: a matrix of few classes, the most frequent pairs of many.

K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.inspect.drawing import Area, Drawing, TextMark
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.task_pictures.plane import LETTER, WIDTH, shorten

MATRIX = 10  # classes of a whole matrix, at most
PAIRS = 12  # pairs that are drawn, at most
DARKEST = 0.5  # a cell of the matrix, so that its number can be read
RIGHT, WRONG = 2, 1  # colours


def draw_confusion(counts: np.ndarray, classes: Sequence[str]) -> Drawing:
    """A matrix: a row for each true class, a column for each predicted one.

    Args:
        counts: [K, K].
        classes: their names, [K].
    """
    names, K = [shorten(name, 14) for name in classes], len(counts)
    left, top = 30 + max(map(len, names)) * LETTER, 46.0
    side = min((WIDTH - left - 10) / K, 80.0)
    high = min(side, 40.0)
    title = "Actual class by row, predicted by column"
    drawing = Drawing(WIDTH, round(top + K * high + 40), title)
    marks = drawing.marks
    marks.append(TextMark(8, 18, title))
    fits = all(len(name) * LETTER <= side for name in names)
    for k, name in enumerate(names):
        number = "" if fits else f"{k + 1} "
        marks.append(TextMark(left - 6, top + (k + 0.5) * high + 4, number + name, "end"))
        above = name if fits else f"{k + 1}"
        marks.append(TextMark(left + (k + 0.5) * side, top - 6, above, "mid"))
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            share = float(n) / max(1, int(row.sum()))
            pointed = f"{names[i]} predicted as {names[j]}: {n:,} ({share:.0%})"
            corner, size = (left + j * side + 1, top + i * high + 1), (side - 2, high - 2)
            colour = RIGHT if i == j else WRONG
            marks.append(Area.rectangle(corner, size, colour, 0.05 + DARKEST * share, pointed))
            if n:
                x, y = left + (j + 0.5) * side, top + (i + 0.5) * high + 4
                marks.append(TextMark(x, y, f"{n:,}", "mid"))
    marks.append(TextMark(8, top + K * high + 22, "Shade: share of the row. Green: right."))
    return drawing


def draw_confused_pairs(pairs: Sequence[tuple[str, str, int]]) -> Drawing:
    """The pairs of classes that are confused most, as bars.

    Args:
        pairs: (true, predicted, how often), the most frequent first.
    """
    rows = [BarRow(f"{a} as {b}", n, f"{n:,}", WRONG) for a, b, n in pairs[:PAIRS]]
    rows = rows or [BarRow("nothing is confused", 0, "")]
    return draw_bar_rows(rows, "Classes confused most often (actual as predicted)")
