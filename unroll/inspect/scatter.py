"""Points in a plane, each for a unit, a step or a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.inspect.curves import BOTTOM, LEFT, LETTER, TOP, Axis, Curve, choose_axis
from unroll.inspect.drawing import LIGHT, Dot, Drawing, Polyline, TextMark

SIDE = 380  # height and width of the plane


@dataclass(frozen=True)
class Cloud:
    """Points of one colour.

    Attributes:
        label: in the legend; empty for no entry.
        colour: its number in the palette.
        points: (x, y, label).
    """

    label: str
    colour: int
    points: Sequence[tuple[float, float, str]]


def draw_scatter(
    clouds: Sequence[Cloud],
    y_label: str,
    x_label: str,
    *,
    shares: bool = False,
    diagonal: bool = False,
    labelled: bool = False,
) -> Drawing:
    """A scatter plot with a legend.

    Args:
        clouds: at least one.
        y_label: of the vertical axis.
        x_label: of the horizontal axis.
        shares: let both axes run from 0 to 1.
        diagonal: draw the line x + y = 1.
        labelled: write the label of each point beside it. Default: only as a tooltip.
    """
    legend = max(len(cloud.label) for cloud in clouds) * LETTER + 30
    width, height = round(LEFT + SIDE + 16 + legend), TOP + SIDE + BOTTOM
    drawing = Drawing(width, height, f"{y_label} against {x_label}")
    every = [point for cloud in clouds for point in cloud.points]
    across, up = (
        Axis(0.0, 1.0, False)
        if shares
        else choose_axis([Curve("", 0, dict(enumerate(float(p[k]) for p in every)))], False, None)
        or Axis(0.0, 1.0, False)
        for k in (0, 1)
    )

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + across.fraction(x) * SIDE, TOP + (1 - up.fraction(y)) * SIDE

    marks = drawing.marks
    marks.append(TextMark(8, 18, y_label))
    for value, name in up.ticks():
        marks.append(Polyline([place(across.low, value), place(across.high, value)], "grid"))
        marks.append(TextMark(LEFT - 8, place(0, value)[1] + 4, name, "end"))
    for value, name in across.ticks():
        marks.append(Polyline([place(value, up.low), place(value, up.high)], "grid"))
        marks.append(TextMark(place(value, 0)[0], TOP + SIDE + 18, name, "mid"))
    marks.append(TextMark(LEFT + SIDE / 2, height - 6, x_label, "mid"))
    if diagonal:
        marks.append(Polyline([place(0, 1), place(1, 0)], "level"))
    for n, cloud in enumerate(clouds):
        for x, y, what in cloud.points:
            at = place(x, y)
            marks.append(Dot(*at, 3.5, cloud.colour % len(LIGHT), what))
            if labelled:
                marks.append(TextMark(at[0] + 6, at[1] + 4, what))
        if cloud.label:
            y = TOP + 8 + 20 * n
            marks.append(Dot(LEFT + SIDE + 16, y, 4, cloud.colour % len(LIGHT)))
            marks.append(TextMark(LEFT + SIDE + 26, y + 4, cloud.label))
    return drawing
