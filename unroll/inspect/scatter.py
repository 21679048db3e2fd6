"""Points in a plane, each for a unit, a step or a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unroll.inspect.curves import Axis, Curve, choose_axis
from unroll.inspect.drawing import LIGHT, Dot, Drawing, Polyline, TextMark
from unroll.inspect.legend import LINE, ROW, heading_lines, legend_height, legend_places

PHONE, LABELLED = 360, 560  # width of the picture: for a phone, and with words beside the points
LEFT, RIGHT, BELOW = 52, 12, 26  # around the plane


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
    """A scatter plot with a legend above it, and its form for a phone.

    Args:
        clouds: at least one.
        y_label: of the vertical axis.
        x_label: of the horizontal axis.
        shares: let both axes run from 0 to 1.
        diagonal: draw the line x + y = 1.
        labelled: write the label of each point beside it. Default: only as a tooltip.
    """
    options = (shares, diagonal, labelled)
    drawing = scatter_of_width(clouds, y_label, x_label, *options, LABELLED if labelled else PHONE)
    if labelled:
        drawing.narrow = scatter_of_width(clouds, y_label, x_label, *options, PHONE)
    return drawing


def scatter_of_width(
    clouds: Sequence[Cloud],
    y_label: str,
    x_label: str,
    shares: bool,
    diagonal: bool,
    labelled: bool,
    width: int,
) -> Drawing:
    """A scatter plot of one width. width: of the picture; the rest as in `draw_scatter`."""
    side = width - LEFT - RIGHT
    labels = [cloud.label for cloud in clouds if cloud.label]
    headings, below = heading_lines(y_label, width), heading_lines(x_label, side)
    above = LINE * len(headings) + 8
    top = above + legend_height(labels, width) + 10
    height = top + side + BELOW + LINE * len(below)
    drawing = Drawing(width, height, f"{y_label} against {x_label}")
    points = sum(len(cloud.points) for cloud in clouds)
    drawing.description = f"{points:,} points. {', '.join(labels)}"
    every = [point for cloud in clouds for point in cloud.points]
    across, up = (
        Axis(0.0, 1.0, False)
        if shares
        else choose_axis([Curve("", 0, dict(enumerate(float(p[k]) for p in every)))], False, None)
        or Axis(0.0, 1.0, False)
        for k in (0, 1)
    )

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + across.fraction(x) * side, top + (1 - up.fraction(y)) * side

    marks = drawing.marks
    for n, line in enumerate(headings):
        marks.append(TextMark(8, 18 + LINE * n, line))
    for value, name in up.ticks():
        marks.append(Polyline([place(across.low, value), place(across.high, value)], "grid"))
        marks.append(TextMark(LEFT - 8, place(0, value)[1] + 4, name, "end"))
    for value, name in across.ticks():
        marks.append(Polyline([place(value, up.low), place(value, up.high)], "grid"))
        marks.append(TextMark(place(value, 0)[0], top + side + 18, name, "mid"))
    for n, line in enumerate(below):
        marks.append(TextMark(LEFT + side / 2, top + side + 36 + LINE * n, line, "mid"))
    if diagonal:
        marks.append(Polyline([place(0, 1), place(1, 0)], "level"))
    for cloud in clouds:
        for x, y, what in cloud.points:
            at = place(x, y)
            marks.append(Dot(*at, 3.5, cloud.colour % len(LIGHT), what))
            if labelled:
                right = at[0] + 6 + len(what) * 7 > width
                anchor, side = ("end", -6) if right else ("start", 6)
                marks.append(TextMark(at[0] + side, at[1] + 4, what, anchor))
    named = [cloud for cloud in clouds if cloud.label]
    for cloud, (left, row, words) in zip(named, legend_places(labels, width), strict=True):
        y = above + ROW * row + 8
        marks.append(Dot(left + 8, y, 4, cloud.colour % len(LIGHT)))
        marks.append(TextMark(left + 18, y + 4, words))
    return drawing
