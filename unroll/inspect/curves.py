"""Curves over steps, on a logarithmic or a linear axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unroll.inspect.drawing import DASHES, LIGHT, Drawing, Polyline, TextMark

WIDTH, HEIGHT = 760, 380
LEFT, TOP, BOTTOM = 64, 34, 44  # around the axes
LETTER = 7.2  # approximate width of a letter of the legend
DEPTH = 16  # powers of ten that the axis shows below the largest start: the precision of float64


@dataclass(frozen=True)
class Curve:
    """One line of a plot.

    Attributes:
        label: in the legend.
        colour: its number in the palette.
        points: y by x.
        dashes: the number of its pattern.
    """

    label: str
    colour: int
    points: Mapping[int, float]
    dashes: int = 0


@dataclass(frozen=True)
class Axis:
    """The range of an axis.

    Attributes:
        low: the lowest value, or its power of ten on a logarithmic axis.
        high: the highest value, or its power of ten on a logarithmic axis.
        logarithmic: whether the axis is logarithmic.
    """

    low: float
    high: float
    logarithmic: bool

    def fraction(self, y: float) -> float:
        """The position of a value between low (0) and high (1)."""
        return ((math.log10(y) if self.logarithmic else y) - self.low) / (self.high - self.low)

    def can_show(self, y: float) -> bool:
        """Whether a value is finite and, on a logarithmic axis, large enough."""
        return math.isfinite(y) and (not self.logarithmic or y >= 10.0**self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """The values with a tick, and their labels."""
        if self.logarithmic:
            low, high = round(self.low), round(self.high)
            every = max(1, math.ceil((high - low) / 9))
            return [
                (10.0**p, power_label(p)) for p in range(low, high + 1) if (p - low) % every == 0
            ]
        step = round_step((self.high - self.low) / 6)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(n * step, f"{n * step:g}") for n in range(first, last + 1)]


def draw_curves(
    lines: Sequence[Curve],
    y_label: str,
    x_label: str,
    *,
    level: float | None = None,
    logarithmic: bool = True,
) -> Drawing:
    """A plot of curves with a legend.

    The positions of the axes are `data-` attributes of the SVG, so that a script can tell what is
    under the pointer.

    Args:
        lines: at least one, each with at least one point.
        y_label: of the vertical axis.
        x_label: of the horizontal axis.
        level: draw a horizontal line at this value.
        logarithmic: use a logarithmic vertical axis, on which values that are not positive are
            skipped.
    """
    axis = choose_axis(lines, logarithmic, level)
    if axis is None:
        drawing = Drawing(WIDTH, 60, y_label)
        drawing.marks.append(TextMark(8, 34, "Every value is zero: there is nothing to draw."))
        return drawing
    last = max(1, max(x for line in lines for x in line.points))
    legend = max(len(line.label) for line in lines) * LETTER + 44
    right = round(WIDTH - legend, 1)
    plot_height = HEIGHT - TOP - BOTTOM
    data = {"last": last, "left": LEFT, "right": right, "low": axis.low, "high": axis.high}
    drawing = Drawing(WIDTH, HEIGHT, y_label, data)

    def across(x: float) -> float:
        return LEFT + x / last * (right - LEFT)

    def up(y: float) -> float:
        return TOP + (1 - axis.fraction(y)) * plot_height

    marks = drawing.marks
    marks.append(TextMark(8, 18, y_label))
    for value, name in axis.ticks():
        marks.append(Polyline([(LEFT, up(value)), (right, up(value))], "grid"))
        marks.append(TextMark(LEFT - 8, up(value) + 4, name, "end"))
    for x in range(0, last + 1, whole_step(last / 6)):
        marks.append(Polyline([(across(x), TOP), (across(x), HEIGHT - BOTTOM)], "grid"))
        marks.append(TextMark(across(x), HEIGHT - BOTTOM + 18, f"{x:,}", "mid"))
    marks.append(TextMark((LEFT + right) / 2, HEIGHT - 6, x_label, "mid"))
    if level is not None:
        marks.append(Polyline([(LEFT, up(level)), (right, up(level))], "level"))
    for n, line in enumerate(lines):
        kind, pattern = f"curve c{line.colour % len(LIGHT)}", line.dashes % len(DASHES)
        points = [(across(x), up(y)) if axis.can_show(y) else None for x, y in line.points.items()]
        y = TOP + 8 + 20 * n
        marks.append(Polyline(points, kind, pattern, line.label))
        marks.append(Polyline([(right + 10, y), (right + 34, y)], kind, pattern))
        marks.append(TextMark(right + 40, y + 4, line.label))
    marks.append(Polyline([(0, TOP), (0, HEIGHT - BOTTOM)], "here"))
    return drawing


def choose_axis(lines: Sequence[Curve], logarithmic: bool, level: float | None) -> Axis | None:
    """The axis that shows every value; None where there is no value to show."""
    values = [y for line in lines for y in line.points.values() if math.isfinite(y)]
    if not logarithmic:
        values += [] if level is None else [level]
        if not values:
            return None
        low, high = min(values), max(values)
        edge = (high - low) * 0.05 or 1.0
        return Axis(low - edge, high + edge, False)
    good = [y for y in values if y > 0]
    if not good:
        return None
    first = [y for line in lines for y in list(line.points.values())[:1] if y > 0]
    floor = max([y for y in first if math.isfinite(y)], default=max(good)) * 10.0**-DEPTH
    least = math.floor(math.log10(max(min(good), floor)))
    most = max(math.ceil(math.log10(max(good))), least + 1)
    if level is not None:
        least, most = min(least, -1), max(most, 1)
    return Axis(least, most, True)


def power_label(power: int) -> str:
    """A power of ten as a label: `0.01`, `1000`, `1e-12`."""
    return f"{10**power:g}" if -2 <= power <= 3 else f"1e{power}"


def whole_step(step: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `step`."""
    return max(1, round(round_step(max(step, 1))))


def round_step(step: float) -> float:
    """The smallest of ... 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is at least `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= step * (1 - 1e-9))
