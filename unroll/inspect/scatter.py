"""Points in a plane, each a unit or a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.inspect.curves import BOTTOM, LEFT, LETTER, TOP, Axis, Curve, axis_for
from unroll.inspect.drawing import LIGHT, Dot, Drawing, Path, Words

SIDE = 380  # of the plane, high and wide


@dataclass(frozen=True)
class Cloud:
    """label: in the legend. colour: which of the palette. points: (x, y, what it is)."""

    label: str
    colour: int
    points: Sequence[tuple[float, float, str]]


def scatter(
    clouds: Sequence[Cloud],
    y_label: str,
    x_label: str,
    *,
    unit: bool = False,
    diagonal: bool = False,
    named: bool = False,
) -> Drawing:
    """The picture. unit: both axes go from 0 to 1. diagonal: the line x + y = 1. named: what each
    point is stands beside it, else it is told where the pointer rests."""
    legend = max(len(cloud.label) for cloud in clouds) * LETTER + 30
    width, height = round(LEFT + SIDE + 16 + legend), TOP + SIDE + BOTTOM
    drawing = Drawing(width, height, f"{y_label} against {x_label}")
    every = [point for cloud in clouds for point in cloud.points]
    across, up = (
        Axis(0.0, 1.0, False)
        if unit
        else axis_for([Curve("", 0, dict(enumerate(float(p[k]) for p in every)))], False, None)
        or Axis(0.0, 1.0, False)
        for k in (0, 1)
    )

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + across.share(x) * SIDE, TOP + (1 - up.share(y)) * SIDE

    marks = drawing.marks
    marks.append(Words(8, 18, y_label))
    for value, name in up.ticks():
        marks.append(Path([place(across.low, value), place(across.high, value)], "grid"))
        marks.append(Words(LEFT - 8, place(0, value)[1] + 4, name, "end"))
    for value, name in across.ticks():
        marks.append(Path([place(value, up.low), place(value, up.high)], "grid"))
        marks.append(Words(place(value, 0)[0], TOP + SIDE + 18, name, "mid"))
    marks.append(Words(LEFT + SIDE / 2, height - 6, x_label, "mid"))
    if diagonal:
        marks.append(Path([place(0, 1), place(1, 0)], "level"))
    for n, cloud in enumerate(clouds):
        for x, y, what in cloud.points:
            at = place(x, y)
            marks.append(Dot(*at, 3.5, cloud.colour % len(LIGHT), what))
            if named:
                marks.append(Words(at[0] + 6, at[1] + 4, what))
        if cloud.label:
            y = TOP + 8 + 20 * n
            marks.append(Dot(LEFT + SIDE + 16, y, 4, cloud.colour % len(LIGHT)))
            marks.append(Words(LEFT + SIDE + 26, y + 4, cloud.label))
    return drawing
