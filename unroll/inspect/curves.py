"""Curves on a logarithmic axis, as an SVG picture that stands alone or in a page; no dependency."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 380
LEFT, TOP, BOTTOM = 64, 34, 44  # beside and around the axes
LETTER = 7.2  # width of a letter of the legend, about
DEPTH = 16  # powers of ten below the largest start that the axis shows at most: float64's precision

# by curve: dark on light and light on dark, told apart with most forms of colour blindness too
LIGHT = ("#0b5cad", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#be185d", "#475569", "#15803d")
DARK = ("#6cb2f7", "#fb923c", "#5eead4", "#c4b5fd", "#fde047", "#f9a8d4", "#cbd5e1", "#86efac")
DASHES = ("", "7 4", "2 3", "10 3 2 3")


@dataclass(frozen=True)
class Curve:
    """label: in the legend. colour: which of the palette. points: y by x. dashes: which pattern."""

    label: str
    colour: int
    points: Mapping[int, float]
    dashes: int = 0


def curves(
    lines: Sequence[Curve], y_label: str, x_label: str, *, line_at: float | None = None
) -> str:
    """The picture. line_at: a level that is drawn across, such as 1.

    What is zero, negative or no number is not drawn. The places of the axes stand in `data-`
    attributes of the picture, so that a script can tell what is under the pointer.
    """
    good = [y for line in lines for y in line.points.values() if y > 0 and math.isfinite(y)]
    if not good:
        return '<p class="unroll-none">Every value is zero: there is nothing to draw.</p>'
    first = [y for line in lines for y in list(line.points.values())[:1] if y > 0]
    floor = max([y for y in first if math.isfinite(y)], default=max(good)) * 10.0**-DEPTH
    low = math.floor(math.log10(max(min(good), floor)))
    high = max(math.ceil(math.log10(max(good))), low + 1)
    if line_at is not None:
        low, high = min(low, -1), max(high, 1)
    last = max(1, max(x for line in lines for x in line.points))
    legend = max(len(line.label) for line in lines) * LETTER + 44
    right = WIDTH - legend
    plot_height = HEIGHT - TOP - BOTTOM

    def across(x: float) -> float:
        return LEFT + x / last * (right - LEFT)

    def up(y: float) -> float:
        return TOP + (high - math.log10(y)) / (high - low) * plot_height

    parts = [
        f'<svg class="unroll-plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" data-last="{last}" data-left="{LEFT}" '
        f'data-right="{right:.1f}" data-low="{low}" data-high="{high}">',
        f"<title>{html.escape(y_label)}</title><style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text x="8" y="18">{html.escape(y_label)}</text>',
    ]
    every = max(1, math.ceil((high - low) / 9))
    for power in range(low, high + 1):
        if (power - low) % every == 0:
            y = up(10.0**power)
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right:.1f}"/>')
            parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{tick(power)}</text>')
    step = nice(last / 6)
    for x in range(0, last + 1, step):
        parts.append(f'<path class="grid" d="M{across(x):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="mid" x="{across(x):.1f}" y="{HEIGHT - BOTTOM + 18}">{x:,}</text>'
        )
    middle = (LEFT + right) / 2
    parts.append(
        f'<text class="mid" x="{middle:.1f}" y="{HEIGHT - 6}">{html.escape(x_label)}</text>'
    )
    if line_at is not None:
        parts.append(f'<path class="level" d="M{LEFT} {up(line_at):.1f}H{right:.1f}"/>')
    bottom = 10.0**low
    for n, line in enumerate(lines):
        kind = f'class="curve c{line.colour % len(LIGHT)}" stroke-dasharray="{dashes(line)}"'
        d = pen(
            [(across(x), up(y)) if bottom <= y < math.inf else None for x, y in line.points.items()]
        )
        y = TOP + 8 + 20 * n
        label = html.escape(line.label)
        parts.append(f'<path {kind} d="{d}" data-label="{label}"/>')
        parts.append(f'<path {kind} d="M{right + 10:.1f} {y}h24"/>')
        parts.append(f'<text x="{right + 40:.1f}" y="{y + 4}">{label}</text>')
    parts.append(f'<path class="here" d="M0 {TOP}V{HEIGHT - BOTTOM}" visibility="hidden"/></svg>')
    return "\n".join(parts)


def pen(points: Sequence[tuple[float, float] | None]) -> str:
    """The path through the points, lifted where there is none."""
    commands, down = [], False
    for point in points:
        if point is not None:
            commands.append(f"{'L' if down else 'M'}{point[0]:.1f} {point[1]:.1f}")
        down = point is not None
    return "".join(commands)


def dashes(line: Curve) -> str:
    return DASHES[line.dashes % len(DASHES)]


def tick(power: int) -> str:
    return f"{10**power:g}" if -2 <= power <= 3 else f"1e{power}"


def nice(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ... that is no smaller."""
    power = 10 ** max(0, math.floor(math.log10(max(step, 1))))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= step)


def palette(colours: Sequence[str]) -> str:
    return "".join(f".unroll-plot .c{n}{{stroke:{colour}}}" for n, colour in enumerate(colours))


STYLE = (
    ".unroll-plot{max-width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".unroll-plot .ground{fill:#fff}.unroll-plot text{fill:#1f2933}"
    ".unroll-plot .end{text-anchor:end}.unroll-plot .mid{text-anchor:middle}"
    ".unroll-plot .grid{stroke:#dfe3e8}.unroll-plot .level{stroke:#6b7785;stroke-dasharray:4 4}"
    ".unroll-plot .here{stroke:#1f2933}.unroll-plot .curve{fill:none;stroke-width:2}"
    + palette(LIGHT)
    + "@media(prefers-color-scheme:dark){.unroll-plot .ground{fill:#14181d}"
    ".unroll-plot text{fill:#dde3ea}.unroll-plot .grid{stroke:#2c343d}"
    ".unroll-plot .here{stroke:#dde3ea}.unroll-plot .level{stroke:#9aa6b2}" + palette(DARK) + "}"
)
