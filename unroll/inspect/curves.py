"""Curves over steps, on a logarithmic or a plain axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unroll.inspect.drawing import DASHES, LIGHT, Drawing, Path, Words

WIDTH, HEIGHT = 760, 380
LEFT, TOP, BOTTOM = 64, 34, 44  # beside and around the axes
LETTER = 7.2  # width of a letter of the legend, about
DEPTH = 16  # powers of ten below the largest start that the axis shows at most: float64's precision


@dataclass(frozen=True)
class Curve:
    """label: in the legend. colour: which of the palette. points: y by x. dashes: which pattern."""

    label: str
    colour: int
    points: Mapping[int, float]
    dashes: int = 0


@dataclass(frozen=True)
class Axis:
    """The values of an axis from low to high: powers of ten where `powers`, else themselves."""

    low: float
    high: float
    powers: bool

    def share(self, y: float) -> float:
        """Where a value lies between low and high, 0 to 1."""
        return ((math.log10(y) if self.powers else y) - self.low) / (self.high - self.low)

    def shows(self, y: float) -> bool:
        """Whether it is drawn: a number, and on a logarithmic axis one that is not too small."""
        return math.isfinite(y) and (not self.powers or y >= 10.0**self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Values with their names."""
        if self.powers:
            low, high = round(self.low), round(self.high)
            every = max(1, math.ceil((high - low) / 9))
            return [(10.0**p, tick(p)) for p in range(low, high + 1) if (p - low) % every == 0]
        step = plain_step((self.high - self.low) / 6)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(n * step, f"{n * step:g}") for n in range(first, last + 1)]


def curves(
    lines: Sequence[Curve],
    y_label: str,
    x_label: str,
    *,
    line_at: float | None = None,
    powers: bool = True,
) -> Drawing:
    """The picture. line_at: a level that is drawn across, such as 1. powers: a logarithmic axis,
    where what is zero, negative or no number is not drawn.

    The places of the axes stand in `data-` attributes of the picture, so that a script can tell
    what is under the pointer.
    """
    axis = axis_for(lines, powers, line_at)
    if axis is None:
        drawing = Drawing(WIDTH, 60, y_label)
        drawing.marks.append(Words(8, 34, "Every value is zero: there is nothing to draw."))
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
        return TOP + (1 - axis.share(y)) * plot_height

    marks = drawing.marks
    marks.append(Words(8, 18, y_label))
    for value, name in axis.ticks():
        marks.append(Path([(LEFT, up(value)), (right, up(value))], "grid"))
        marks.append(Words(LEFT - 8, up(value) + 4, name, "end"))
    for x in range(0, last + 1, nice(last / 6)):
        marks.append(Path([(across(x), TOP), (across(x), HEIGHT - BOTTOM)], "grid"))
        marks.append(Words(across(x), HEIGHT - BOTTOM + 18, f"{x:,}", "mid"))
    marks.append(Words((LEFT + right) / 2, HEIGHT - 6, x_label, "mid"))
    if line_at is not None:
        marks.append(Path([(LEFT, up(line_at)), (right, up(line_at))], "level"))
    for n, line in enumerate(lines):
        kind, pattern = f"curve c{line.colour % len(LIGHT)}", line.dashes % len(DASHES)
        points = [(across(x), up(y)) if axis.shows(y) else None for x, y in line.points.items()]
        y = TOP + 8 + 20 * n
        marks.append(Path(points, kind, pattern, line.label))
        marks.append(Path([(right + 10, y), (right + 34, y)], kind, pattern))
        marks.append(Words(right + 40, y + 4, line.label))
    marks.append(Path([(0, TOP), (0, HEIGHT - BOTTOM)], "here"))
    return drawing


def axis_for(lines: Sequence[Curve], powers: bool, line_at: float | None) -> Axis | None:
    """The axis that shows every value; None where there is nothing to show."""
    values = [y for line in lines for y in line.points.values() if math.isfinite(y)]
    if not powers:
        values += [] if line_at is None else [line_at]
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
    if line_at is not None:
        least, most = min(least, -1), max(most, 1)
    return Axis(least, most, True)


def tick(power: int) -> str:
    return f"{10**power:g}" if -2 <= power <= 3 else f"1e{power}"


def nice(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ... that is no smaller."""
    return max(1, round(plain_step(max(step, 1))))


def plain_step(step: float) -> float:
    """The next of ... 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is no smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= step * (1 - 1e-9))
