"""A matrix as colours, with a name for each row and column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.inspect.drawing import Drawing, Pixels, Words

LETTER = 7.4
NARROW, HIGH = 14.0, 22.0  # units of the picture of a column and of a row that have names
STOPS = np.array([[16, 21, 27], [91, 33, 130], [214, 84, 60], [253, 224, 150], [255, 253, 240]])
NEGATIVE, POSITIVE, MIDDLE = (np.array(c) for c in ([11, 92, 173], [217, 95, 2], [255, 255, 255]))


def heat_map(
    values: np.ndarray,
    title: str,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    signed: bool = False,
    width: int = 700,
    height: int = 200,
) -> Drawing:
    """The picture of values [R, C]. rows, columns: their names; without names it is as wide and
    high as asked. signed: blue below zero and orange above, else dark for 0 and pale for 1."""
    R, C = values.shape
    left, top = 12 + max(map(len, rows), default=0) * LETTER, 30.0
    wide, high = float(width), R * HIGH if rows else float(height)
    if columns:
        wide = C * max(NARROW, max(map(len, columns)) * LETTER + 6)
    bottom = 28.0 if columns else 12.0
    drawing = Drawing(round(left + wide + 12), round(top + high + bottom), title)
    marks = drawing.marks
    marks.append(Words(8, 18, title))
    marks.append(Pixels(left, top, wide, high, colours(values, signed)))
    for n, name in enumerate(rows):
        marks.append(Words(left - 6, top + (n + 0.5) * high / R + 4, name, "end"))
    for n, name in enumerate(columns):
        marks.append(Words(left + (n + 0.5) * wide / C, top + high + 16, name, "mid"))
    return drawing


def colours(values: np.ndarray, signed: bool) -> np.ndarray:
    """uint8 [R, C, 3]; what is no number is the lowest."""
    values = np.nan_to_num(np.asarray(values, dtype=float))
    if signed:
        most = float(np.abs(values).max(initial=0.0)) or 1.0
        share = np.sqrt(np.abs(values) / most)[..., None]
        goal = np.where(values[..., None] < 0, NEGATIVE, POSITIVE)
        return (MIDDLE + (goal - MIDDLE) * share).round().astype(np.uint8)
    at = np.clip(values, 0, 1) * (len(STOPS) - 1)
    n = np.minimum(at.astype(int), len(STOPS) - 2)
    part = (at - n)[..., None]
    return (STOPS[n] * (1 - part) + STOPS[n + 1] * part).round().astype(np.uint8)
