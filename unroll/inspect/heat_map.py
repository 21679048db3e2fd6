"""A matrix as colours, with optional labels for its rows and columns.

R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.inspect.drawing import Drawing, Pixels, TextMark
from unroll.inspect.legend import LETTER, LINE, heading_lines

PHONE = 360  # width of a picture for a phone
NARROW, HIGH = 14.0, 22.0  # width of a column and height of a row that have labels
STOPS = np.array([[16, 21, 27], [91, 33, 130], [214, 84, 60], [253, 224, 150], [255, 253, 240]])
NEGATIVE, POSITIVE, MIDDLE = (np.array(c) for c in ([11, 92, 173], [217, 95, 2], [255, 255, 255]))


def draw_heat_map(
    values: np.ndarray,
    title: str,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    signed: bool = False,
    width: int = 700,
    height: int = 200,
) -> Drawing:
    """A heat map.

    Args:
        values: [R, C].
        title: above it.
        rows: R labels. Default: none.
        columns: C labels. Default: none.
        signed: blue for negative and orange for positive values. Default: dark for 0, pale for 1.
        width: of the map where its columns have no labels.
        height: of the map where its rows have no labels.
    """
    drawing = map_of_width(values, title, rows, columns, signed, (width, height))
    if not columns:
        rest = PHONE - 24 - max(map(len, rows), default=0) * LETTER
        narrow = (max(80, min(width, int(rest))), height)
        drawing.narrow = map_of_width(values, title, rows, columns, signed, narrow)
    return drawing


def map_of_width(
    values: np.ndarray,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    signed: bool,
    size: tuple[int, int],
) -> Drawing:
    """A heat map of one width. size: (width, height) of the map where it has no labels."""
    R, C = values.shape
    left = 12 + max(map(len, rows), default=0) * LETTER
    wide, high = float(size[0]), R * HIGH if rows else float(size[1])
    if columns:
        wide = C * max(NARROW, max(map(len, columns)) * LETTER + 6)
    width = round(left + wide + 12)
    headings = heading_lines(title, width)
    top = 12.0 + LINE * len(headings)
    drawing = Drawing(width, round(top + high + (28.0 if columns else 12.0)), title)
    low, high_value = (float(f(values)) if values.size else 0.0 for f in (np.nanmin, np.nanmax))
    drawing.description = f"{R:,} rows and {C:,} columns, from {low:.3g} to {high_value:.3g}."
    marks = drawing.marks
    for n, line in enumerate(headings):
        marks.append(TextMark(8, 18 + LINE * n, line))
    marks.append(Pixels(left, top, wide, high, value_colours(values, signed)))
    for n, name in enumerate(rows):
        marks.append(TextMark(left - 6, top + (n + 0.5) * high / R + 4, name, "end"))
    for n, name in enumerate(columns):
        marks.append(TextMark(left + (n + 0.5) * wide / C, top + high + 16, name, "mid"))
    return drawing


def value_colours(values: np.ndarray, signed: bool) -> np.ndarray:
    """The colour of each value; one that is no number counts as zero.

    Args:
        values: [R, C].
        signed: blue for negative and orange for positive values. Default: dark for 0, pale for 1.

    Returns:
        uint8 [R, C, 3].
    """
    values = np.nan_to_num(np.asarray(values, dtype=float))
    if signed:
        largest = float(np.abs(values).max(initial=0.0)) or 1.0
        share = np.sqrt(np.abs(values) / largest)[..., None]
        goal = np.where(values[..., None] < 0, NEGATIVE, POSITIVE)
        return (MIDDLE + (goal - MIDDLE) * share).round().astype(np.uint8)
    at = np.clip(values, 0, 1) * (len(STOPS) - 1)
    n = np.minimum(at.astype(int), len(STOPS) - 2)
    part = (at - n)[..., None]
    return (STOPS[n] * (1 - part) + STOPS[n + 1] * part).round().astype(np.uint8)
