"""A picture of forecasts as a file of lines (SVG): history, truth, band, forecast, outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

WIDTH, HEIGHT = 960, 300  # of a panel
LINE, LINE_LENGTH = 18, 130  # of the legend, in pixels and letters
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
    """Forecasts of neighbouring steps: where they are, the middle, and the band."""

    places: Sequence[int]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One series. truth: values, NaN where missing. stretches: forecasts; their places count in
    `truth` and go on beyond it. labels: a word for each place."""

    title: str
    truth: Sequence[float]
    stretches: Sequence[Stretch]
    labels: Sequence[str]


def draw(panels: Sequence[Panel], legend: Sequence[str]) -> str:
    """The text of an SVG file, a panel under the other, and the sentences of the legend under all.

    Example:
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
        parts += [f'<g transform="translate(0 {k * HEIGHT})">', *drawn(panel), "</g>"]
    for k, line in enumerate(lines, 1):
        parts.append(f'<text x="{LEFT}" y="{foot + LINE * k - 2}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def drawn(panel: Panel) -> list[str]:
    """The lines of one panel."""
    values = [v for v in panel.truth if math.isfinite(v)]
    values += [v for s in panel.stretches for part in (s.low, s.high) for v in part]
    low, high = min(values), max(values)
    pad = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    low, high = low - pad, high + pad
    last = max(len(panel.labels) - 1, 1)

    def x(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place / last

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    def points(places: Sequence[float], heights: Sequence[float]) -> str:
        return " ".join(f"{x(p):.1f},{y(v):.1f}" for p, v in zip(places, heights, strict=True))

    parts = [f'<text class="title" x="{LEFT}" y="24">{escape(panel.title)}</text>']
    for tick in ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" '
            f'y2="{y(tick):.1f}"/><text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">'
            f"{tick:g}</text>"
        )
    for place in sorted({0, last // 2, last}):
        anchor = "start" if place == 0 else "end" if place == last else "middle"
        parts.append(
            f'<text x="{x(place):.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">'
            f"{escape(panel.labels[place])}</text>"
        )
    for s in panel.stretches:
        # one step alone is drawn as wide as a step
        wide = [s.places[0] - 0.5, s.places[0] + 0.5] if len(s.places) == 1 else list(s.places)
        lows, highs = (list(part) * (2 if len(s.places) == 1 else 1) for part in (s.low, s.high))
        edge = points([*wide, *reversed(wide)], [*highs, *reversed(lows)])
        parts.append(f'<polygon class="band" points="{edge}"/>')
        middle = list(s.middle) * (2 if len(s.places) == 1 else 1)
        parts.append(f'<polyline class="forecast" points="{points(wide, middle)}"/>')
    for first, run in unbroken(panel.truth):
        parts.append(
            f'<polyline class="truth" points="{points(range(first, first + len(run)), run)}"/>'
        )
    for s in panel.stretches:
        for place, below, above in zip(s.places, s.low, s.high, strict=True):
            if place < len(panel.truth) and not below <= (v := panel.truth[place]) <= above:
                if math.isfinite(v):
                    parts.append(
                        f'<circle class="outside" r="3.5" cx="{x(place):.1f}" cy="{y(v):.1f}"/>'
                    )
    now = x(len(panel.truth) - 0.5)
    parts.append(
        f'<line class="now" x1="{now:.1f}" x2="{now:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    )
    return parts


def unbroken(values: Sequence[float]) -> list[tuple[int, list[float]]]:
    """Runs of known values, with the place of each one's first."""
    runs: list[tuple[int, list[float]]] = []
    for k, value in enumerate(values):
        if not math.isfinite(value):
            continue
        if not runs or runs[-1][0] + len(runs[-1][1]) != k:
            runs.append((k, []))
        runs[-1][1].append(value)
    return runs


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two."""
    rough = (high - low) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]
