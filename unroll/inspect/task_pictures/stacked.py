"""Drawings one above the other under one title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unroll.inspect.drawing import Area, Drawing, Mark, Polyline, TextMark
from unroll.inspect.task_pictures.plane import shorten

TITLE = 22.0  # height of the title


def stacked(title: str, drawings: Sequence[Drawing]) -> Drawing:
    """Drawings of one width, one above the other.

    Args:
        title: above them all.
        drawings: one or more.
    """
    height = round(TITLE) + sum(drawing.height for drawing in drawings)
    whole = Drawing(drawings[0].width, height, title)
    whole.marks.append(TextMark(8, 16, shorten(title, 58)))
    top = TITLE
    for drawing in drawings:
        whole.marks += [moved(mark, top) for mark in drawing.marks]
        top += drawing.height
    return whole


def moved(mark: Mark, down: float) -> Mark:
    """A mark so many units further down."""
    if isinstance(mark, Area):
        return replace(mark, points=[(x, y + down) for x, y in mark.points])
    if isinstance(mark, Polyline):
        points = [None if point is None else (point[0], point[1] + down) for point in mark.points]
        return replace(mark, points=points)
    return replace(mark, y=mark.y + down)
