"""Curves over steps, on a logarithmic or a linear axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unroll.inspect.drawing import DASHES, LIGHT, Drawing, Polyline, TextMark
from unroll.inspect.legend import LINE, ROW, heading_lines, legend_height, legend_places

WIDTH, HEIGHT = 760, 380  # of a picture, without the lines of its heading and legend
NARROW, NARROW_HEIGHT = 360, 290  # of its form for a phone
RIGHT, BELOW = 16, 26  # beside the axes, and for the ticks below them
FEW_POWERS = 2  # powers of ten on an axis that has ticks at 1, 2, 5 too
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
        return math.isfinite(y) and (not self.logarithmic or y >= 10.0**self.low * (1 - 1e-9))

    def ticks(self) -> list[tuple[float, str]]:
        """The values with a tick, and their labels."""
        if self.logarithmic:
            low, high = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
            if self.high - self.low <= FEW_POWERS:
                values = [k * 10.0**p for p in range(low - 1, high + 1) for k in (1, 2, 5)]
                shown = [v for v in values if -1e-9 <= self.fraction(v) <= 1 + 1e-9]
                return [(v, f"{v:g}") for v in shown]
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
    events: Mapping[int, str] | None = None,
) -> Drawing:
    """A plot of curves with a legend above the axes, and its form for a phone.

    The positions of the axes are `data-` attributes of the SVG, so that a script can tell what is
    under the pointer.

    Args:
        lines: at least one, each with at least one point.
        y_label: of the vertical axis.
        x_label: of the horizontal axis.
        level: draw a horizontal line at this value.
        logarithmic: use a logarithmic vertical axis, on which values that are not positive are
            skipped.
        events: what happened at some x: a vertical line with these words beside it.
    """
    axis = choose_axis(lines, logarithmic, level)
    if axis is None:
        drawing = Drawing(WIDTH, 60, y_label)
        drawing.marks.append(TextMark(8, 34, "Every value is zero: there is nothing to draw."))
        return drawing
    plots = [
        Plot(lines, y_label, x_label, axis, level, dict(events or {}), *size)
        for size in ((WIDTH, HEIGHT), (NARROW, NARROW_HEIGHT))
    ]
    drawing, drawing.narrow = (plot.draw() for plot in plots)
    return drawing


@dataclass(frozen=True)
class Plot:
    """A plot of curves at one size.

    Attributes:
        lines: at least one.
        y_label: of the vertical axis.
        x_label: of the horizontal axis.
        axis: the vertical axis.
        level: draw a horizontal line at this value.
        events: words by x, at each a vertical line.
        width: of the picture.
        height: of the picture without the lines of its heading and legend.
    """

    lines: Sequence[Curve]
    y_label: str
    x_label: str
    axis: Axis
    level: float | None
    events: Mapping[int, str]
    width: int
    height: int

    @property
    def left(self) -> int:
        """Where the axes begin."""
        return 52 if self.width < WIDTH else 64

    @property
    def legend(self) -> list[str]:
        """The labels of the lines; none where the heading names the only one."""
        labels = [line.label for line in self.lines]
        return [] if len(labels) == 1 and labels[0] in self.y_label else labels

    @property
    def top(self) -> int:
        """Where the axes begin, below the heading and the legend."""
        legend = legend_height(self.legend, self.width)
        return LINE * len(heading_lines(self.y_label, self.width)) + legend + 16

    @property
    def bottom(self) -> int:
        """Where the axes end."""
        return self.top + self.height - 78

    @property
    def last(self) -> int:
        """The largest x, at least 1."""
        return max(1, max(x for line in self.lines for x in line.points))

    def across(self, x: float) -> float:
        """Where an x is drawn."""
        return self.left + x / self.last * (self.width - RIGHT - self.left)

    def up(self, y: float) -> float:
        """Where a y is drawn."""
        return self.top + (1 - self.axis.fraction(y)) * (self.bottom - self.top)

    def draw(self) -> Drawing:
        """The plot as marks."""
        below = heading_lines(self.x_label, self.width - self.left)
        data = {
            "last": self.last,
            "left": self.left,
            "right": self.width - RIGHT,
            "top": self.top,
            "bottom": self.bottom,
            "low": self.axis.low,
            "high": self.axis.high,
        }
        height = self.bottom + BELOW + LINE * len(below)
        drawing = Drawing(self.width, height, self.y_label, data)
        drawing.description = describe_curves(self.lines, self.x_label)
        marks = drawing.marks
        for n, line in enumerate(heading_lines(self.y_label, self.width)):
            marks.append(TextMark(8, 18 + LINE * n, line))
        middle = (self.left + self.width - RIGHT) / 2
        for n, line in enumerate(below):
            marks.append(TextMark(middle, self.bottom + 36 + LINE * n, line, "mid"))
        self._draw_grid(drawing)
        self._draw_lines(drawing)
        marks.append(Polyline([(0, self.top), (0, self.bottom)], "here"))
        return drawing

    def _draw_grid(self, drawing: Drawing) -> None:
        marks, right = drawing.marks, self.width - RIGHT
        for value, name in self.axis.ticks():
            marks.append(Polyline([(self.left, self.up(value)), (right, self.up(value))], "grid"))
            marks.append(TextMark(self.left - 8, self.up(value) + 4, name, "end"))
        for x in range(0, self.last + 1, whole_step(self.last / (self.width // 90))):
            marks.append(
                Polyline([(self.across(x), self.top), (self.across(x), self.bottom)], "grid")
            )
            marks.append(TextMark(self.across(x), self.bottom + 18, f"{x:,}", "mid"))
        if self.level is not None:
            at = self.up(self.level)
            marks.append(Polyline([(self.left, at), (right, at)], "level"))
        for x, words in self.events.items():
            at = self.across(x)
            marks.append(Polyline([(at, self.top), (at, self.bottom)], "level"))
            anchor, side = ("end", -5) if at > (self.left + right) / 2 else ("start", 5)
            marks.append(TextMark(at + side, self.top + 14, words, anchor))

    def _draw_lines(self, drawing: Drawing) -> None:
        marks = drawing.marks
        above = LINE * len(heading_lines(self.y_label, self.width)) + 8
        places = legend_places(self.legend, self.width)
        for n, line in enumerate(self.lines):
            kind, pattern = f"curve c{line.colour % len(LIGHT)}", line.dashes % len(DASHES)
            points = [
                (self.across(at), self.up(y)) if self.axis.can_show(y) else None
                for at, y in line.points.items()
            ]
            marks.append(Polyline(points, kind, pattern, line.label))
            if not places:
                continue
            x, row, words = places[n]
            y = above + ROW * row + 8
            marks.append(Polyline([(x, y), (x + 24, y)], kind, pattern))
            marks.append(TextMark(x + 30, y + 4, words))


def describe_curves(lines: Sequence[Curve], x_label: str) -> str:
    """Where each curve begins and ends, and its least and largest value, in words."""
    sentences = []
    for line in lines:
        points = {x: y for x, y in line.points.items() if math.isfinite(y)}
        if not points:
            continue
        (first, begin), (last, end) = next(iter(points.items())), list(points.items())[-1]
        least, most = min(points.values()), max(points.values())
        sentences.append(
            f"{line.label}: {begin:.3g} at {x_label} {first:,}, {end:.3g} at {last:,}; "
            f"least {least:.3g}, most {most:.3g}."
        )
    return " ".join(sentences)


def choose_axis(lines: Sequence[Curve], logarithmic: bool, level: float | None) -> Axis | None:
    """The axis that shows every value; None where there is no value to show."""
    values = [y for line in lines for y in line.points.values() if math.isfinite(y)]
    if not logarithmic:
        values += [] if level is None else [level]
        if not values:
            return None
        low, high = min(values), max(values)
        edge = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
        return Axis(low - edge, high + edge, False)
    good = [y for y in values if y > 0]
    if not good:
        return None
    first = [y for line in lines for y in list(line.points.values())[:1] if y > 0]
    floor = max([y for y in first if math.isfinite(y)], default=max(good)) * 10.0**-DEPTH
    least = math.floor(math.log10(max(min(good), floor)))
    most = max(math.ceil(math.log10(max(good))), least + 1)
    if level is not None:
        return Axis(min(least, -1), max(most, 1), True)
    if most - least <= FEW_POWERS:
        below, above = round_down(max(min(good), floor)), round_step(max(good))
        if above > below * (1 + 1e-9):
            return Axis(math.log10(below), math.log10(above), True)
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


def round_down(step: float) -> float:
    """The largest of ... 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is at most `step`."""
    power = 10.0 ** math.floor(math.log10(step) + 1e-9)
    return next(power * k for k in (5, 2, 1) if power * k <= step * (1 + 1e-9))
