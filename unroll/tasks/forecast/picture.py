"""Panels of values and forecasts as an SVG: history, truth, band, forecast, values outside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

WIDTH, HEIGHT = 960, 300  # of a panel
LINE, LINE_LENGTH = 18, 130  # of the legend, in pixels and characters
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 36
STYLE = (
    "text{font:12px sans-serif;fill:#444}.title{font-size:14px;fill:#111}"
    ".grid{stroke:#e4e4e4}.truth{fill:none;stroke:#222;stroke-width:1.4}"
    ".forecast{fill:none;stroke:#1769aa;stroke-width:1.6}"
    ".band{fill:#1769aa;fill-opacity:.18;stroke:none}.outside{fill:#c62828}"
    ".now{stroke:#888;stroke-dasharray:4 3}"
)


@dataclass(frozen=True)
class Stretch:
    """Forecasts of neighbouring steps.

    Attributes:
        places: where they are among the steps of the panel.
        middle: the forecasts.
        low: the lower ends of the band.
        high: the upper ends of the band.
    """

    places: Sequence[int]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One series.

    Attributes:
        title: the text above the panel.
        truth: values, NaN where missing.
        stretches: forecasts; their places count in `truth` and may lie after its end.
        labels: a text for each place, such as its time.
    """

    title: str
    truth: Sequence[float]
    stretches: Sequence[Stretch]
    labels: Sequence[str]


def draw(panels: Sequence[Panel], legend: Sequence[str]) -> str:
    """The text of an SVG file: panels one below the other, and the sentences of the legend.

    Examples:
        >>> from unroll.tasks.forecast.picture import Panel, Stretch, draw
        >>> later = Stretch([2, 3], [2.0, 2.5], [1.0, 1.0], [3.0, 4.0])
        >>> draw([Panel("sales", [1.0, 2.0], [later], list("abcd"))], ["a forecast"])[:4]
        '<svg'
    """
    lines = [line for each in legend for line in wrap(each, LINE_LENGTH)]
    foot = HEIGHT * len(panels)
    height = foot + LINE * len(lines) + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}"><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for k, panel in enumerate(panels):
        elements = PanelDrawing(panel).elements()
        parts += [f'<g transform="translate(0 {k * HEIGHT})">', *elements, "</g>"]
    for k, line in enumerate(lines, 1):
        parts.append(f'<text x="{LEFT}" y="{foot + LINE * k - 2}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


class PanelDrawing:
    """One panel as elements of SVG.

    Args:
        panel: what to draw.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        values = [v for v in panel.truth if math.isfinite(v)]
        values += [v for s in panel.stretches for part in (s.low, s.high) for v in part]
        low, high = min(values), max(values)
        pad = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
        self.low, self.high = low - pad, high + pad
        self.last = max(len(panel.labels) - 1, 1)

    def elements(self) -> list[str]:
        """All elements, those in front last."""
        title = f'<text class="title" x="{LEFT}" y="24">{escape(self.panel.title)}</text>'
        return [
            title, *self._axes(), *self._forecasts(), *self._truth(), *self._outside(),
            self._end_of_data(),
        ]  # fmt: skip

    def _x(self, place: float) -> float:
        """Pixels from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * place / self.last

    def _y(self, value: float) -> float:
        """Pixels from the top."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def _points(self, places: Sequence[float], heights: Sequence[float]) -> str:
        """Points of a line, as SVG writes them."""
        pairs = zip(places, heights, strict=True)
        return " ".join(f"{self._x(p):.1f},{self._y(v):.1f}" for p, v in pairs)

    def _axes(self) -> list[str]:
        """Grid lines with their values, and labels of three places."""
        parts = []
        for tick in ticks(self.low, self.high):
            y = self._y(tick)
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/><text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                f"{tick:g}</text>"
            )
        for place in sorted({0, self.last // 2, self.last}):
            anchor = "start" if place == 0 else "end" if place == self.last else "middle"
            parts.append(
                f'<text x="{self._x(place):.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">'
                f"{escape(self.panel.labels[place])}</text>"
            )
        return parts

    def _forecasts(self) -> list[str]:
        """A band and a line for each stretch."""
        parts = []
        for s in self.panel.stretches:
            # a single step is drawn as wide as a step
            single = len(s.places) == 1
            wide = [s.places[0] - 0.5, s.places[0] + 0.5] if single else list(s.places)
            low, middle, high = (
                list(part) * (2 if single else 1) for part in (s.low, s.middle, s.high)
            )
            edge = self._points([*wide, *reversed(wide)], [*high, *reversed(low)])
            parts.append(f'<polygon class="band" points="{edge}"/>')
            parts.append(f'<polyline class="forecast" points="{self._points(wide, middle)}"/>')
        return parts

    def _truth(self) -> list[str]:
        """A line for each run of known values."""
        return [
            f'<polyline class="truth" points="{self._points(range(at, at + len(run)), run)}"/>'
            for at, run in known_runs(self.panel.truth)
        ]

    def _outside(self) -> list[str]:
        """A point for each value outside its band."""
        parts, truth = [], self.panel.truth
        for s in self.panel.stretches:
            for place, low, high in zip(s.places, s.low, s.high, strict=True):
                if place >= len(truth) or not math.isfinite(truth[place]):
                    continue
                if not low <= truth[place] <= high:
                    x, y = self._x(place), self._y(truth[place])
                    parts.append(f'<circle class="outside" r="3.5" cx="{x:.1f}" cy="{y:.1f}"/>')
        return parts

    def _end_of_data(self) -> str:
        """A dashed line after the last value."""
        x = self._x(len(self.panel.truth) - 0.5)
        ends = f'y1="{TOP}" y2="{HEIGHT - BOTTOM}"'
        return f'<line class="now" x1="{x:.1f}" x2="{x:.1f}" {ends}/>'


def known_runs(values: Sequence[float]) -> list[tuple[int, list[float]]]:
    """Stretches of neighbouring known values, each with the place of its first."""
    runs: list[tuple[int, list[float]]] = []
    for k, value in enumerate(values):
        if not math.isfinite(value):
            continue
        if not runs or runs[-1][0] + len(runs[-1][1]) != k:
            runs.append((k, []))
        runs[-1][1].append(value)
    return runs


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two numbers."""
    rough = (high - low) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]
