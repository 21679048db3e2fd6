"""A plot as wide as a phone: axes, curves, filled areas and dots, with its legend below.

Several stand side by side on a wide page, and one below the other on a narrow one, so that letters keep
their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from unroll.inspect.curves import round_step
from unroll.inspect.drawing import Area, Dot, Drawing, Mark, Point, Polyline, TextMark

WIDTH, HEIGHT = 380, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 28, 40  # around the axes
LETTER = 6.6  # width of a letter, about
LINE = 18  # height of a line of the legend
Entry = tuple[int, str, str]  # of a legend: colour, kind, text


@dataclass
class Plane:
    """A plot in the making.

    Attributes:
        title: above it; may be empty.
        across: the lowest and the highest x.
        up: the lowest and the highest y.
        x_label: below the horizontal axis.
        labels: of some x, in place of numbers.
        percent: whether y is a share, written as a percentage.
        marks: what was drawn, from back to front.
        legend: entries: a colour, what it is ("line", "area" or "dot"), and a text.
    """

    title: str
    across: tuple[float, float]
    up: tuple[float, float]
    x_label: str = ""
    labels: dict[float, str] | None = None
    percent: bool = False
    marks: list[Mark] = field(default_factory=list)
    legend: list[Entry] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Where a value is, from the left."""
        low, high = self.across
        return LEFT + (value - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is, from above."""
        low, high = self.up
        return TOP + (1 - (value - low) / ((high - low) or 1.0)) * (HEIGHT - TOP - BOTTOM)

    def curve(
        self, points: Sequence[tuple[float, float]], colour: int, label: str = "", dashes: int = 0
    ) -> None:
        """A line through points; it is interrupted where y is no number."""
        places: list[Point] = [
            (self.x(x), self.y(y)) if math.isfinite(y) else None for x, y in points
        ]
        self.marks.append(Polyline(places, f"curve c{colour}", dashes, label or None))
        if label:
            self.legend.append((colour, "line", label))

    def area(
        self,
        points: Sequence[tuple[float, float]],
        colour: int,
        label: str = "",
        opacity: float = 0.25,
        pointed: str = "",
    ) -> None:
        """A filled polygon. pointed: shown where the pointer rests."""
        places = [(self.x(x), self.y(y)) for x, y in points]
        self.marks.append(Area(places, colour, opacity, pointed))
        if label:
            self.legend.append((colour, "area", label))

    def dot(self, x: float, y: float, colour: int, pointed: str = "", radius: float = 3.5) -> None:
        """A dot. pointed: shown where the pointer rests."""
        self.marks.append(Dot(self.x(x), self.y(y), radius, colour, pointed))

    def level(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A dashed line that measures are compared with."""
        places: list[Point] = [(self.x(x), self.y(y)) for x, y in (start, end)]
        self.marks.append(Polyline(places, "level"))

    def drawing(self) -> Drawing:
        """All of it, the axes behind."""
        lines, foot = legend_lines(self.legend), HEIGHT - (0 if self.x_label else LINE)
        drawing = Drawing(WIDTH, foot + LINE * len(lines) + (4 if lines else 0), self.title)
        title = [TextMark(8, 16, self.title)] if self.title else []
        drawing.marks += [*title, *self._axes(), *self.marks]
        for row, entries in enumerate(lines):
            y = foot + 8.0 + LINE * row
            for at, (colour, kind, text) in entries:
                drawing.marks += swatch(at, y, colour, kind)
                drawing.marks.append(TextMark(at + 28, y + 4, text))
        return drawing

    def _axes(self) -> list[Mark]:
        marks: list[Mark] = []
        (left, right), (low, high) = self.across, self.up
        for value in ticks(low, high, 5):
            name = f"{value:.0%}" if self.percent else f"{value:g}"
            marks.append(
                Polyline([(self.x(left), self.y(value)), (self.x(right), self.y(value))], "grid")
            )
            marks.append(TextMark(LEFT - 6, self.y(value) + 4, name, "end"))
        named = self.labels or {value: f"{value:g}" for value in ticks(left, right, 5)}
        for place, (value, name) in enumerate(named.items()):
            anchor = "mid"
            if self.labels:
                anchor = "start" if place == 0 else "end" if place == len(named) - 1 else "mid"
            marks.append(TextMark(self.x(value), HEIGHT - BOTTOM + 16, name, anchor))
        if self.x_label:
            marks.append(TextMark((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, self.x_label, "mid"))
        return marks


def swatch(x: float, y: float, colour: int, kind: str) -> list[Mark]:
    """The colour of an entry of a legend: a box, a dot, or a piece of line."""
    if kind == "area":
        return [Area.rectangle((x, y - 5), (22, 10), colour, 0.45)]
    if kind == "dot":
        return [Dot(x + 11, y, 3.5, colour)]
    return [Polyline([(x, y), (x + 22, y)], f"curve c{colour}")]


def legend_lines(
    legend: Sequence[Entry],
) -> list[list[tuple[float, Entry]]]:
    """The entries of a legend in lines, each with its place from the left."""
    lines: list[list[tuple[float, Entry]]] = []
    x = math.inf
    for entry in legend:
        wide = 28 + len(entry[2]) * LETTER + 14
        if x + wide > WIDTH:
            lines.append([])
            x = 12.0
        lines[-1].append((x, entry))
        x += wide
    return lines


def ticks(low: float, high: float, count: int) -> list[float]:
    """About so many round numbers between two numbers."""
    if not high > low:
        return [low]
    step = round_step((high - low) / count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest number, with a little room; 0 to 1 where there is none."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or abs(high) * 0.06 or 1.0
    return low - room, high + room


def shorten(text: str, letters: int) -> str:
    """A text in one line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= letters else f"{line[: letters - 1]}…"
