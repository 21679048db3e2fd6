"""A picture as a list of marks: an SVG for pages and notebooks, light and dark, or a PNG.

One way to draw serves files, notebooks and pages, so nothing here needs a browser.
"""

from __future__ import annotations

import base64
import html
import io
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from unroll.data.optional import optional

Point = tuple[float, float] | None

# by curve: dark on light and light on dark, told apart with most forms of colour blindness too
LIGHT = ("#0b5cad", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#be185d", "#475569", "#15803d")
DARK = ("#6cb2f7", "#fb923c", "#5eead4", "#c4b5fd", "#fde047", "#f9a8d4", "#cbd5e1", "#86efac")
DASHES: tuple[tuple[int, ...], ...] = ((), (7, 4), (2, 3), (10, 3, 2, 3))
INK, GROUND = {"grid": "#dfe3e8", "level": "#6b7785"}, "#ffffff"
TEXT = "#1f2933"
SCALE = 2  # pixels of a PNG for each unit of the picture


@dataclass(frozen=True)
class Path:
    """Lines through the points, lifted at None. kind: grid, level, here or `curve cN`."""

    points: Sequence[Point]
    kind: str
    dashes: int = 0
    label: str | None = None


@dataclass(frozen=True)
class Words:
    """Text at a place; anchor: start, mid or end of it."""

    x: float
    y: float
    words: str
    anchor: str = "start"


@dataclass(frozen=True)
class Dot:
    """A circle. colour: which of the palette."""

    x: float
    y: float
    radius: float
    colour: int
    label: str = ""


@dataclass(frozen=True)
class Pixels:
    """A small image, uint8 [rows, columns, 3], blown up to a rectangle."""

    x: float
    y: float
    width: float
    height: float
    values: np.ndarray


@dataclass
class Drawing:
    """A picture of a size, with a title that is read out, and numbers for scripts (`data-...`)."""

    width: int
    height: int
    title: str
    data: dict[str, Any] = field(default_factory=dict)
    marks: list[Path | Words | Dot | Pixels] = field(default_factory=list)

    def svg(self) -> str:
        """An SVG that stands alone or in a page, and follows the reader's light or dark scheme."""
        numbers = "".join(f' data-{name}="{value}"' for name, value in self.data.items())
        return "\n".join(
            [
                f'<svg class="unroll-plot" viewBox="0 0 {self.width} {self.height}" role="img" '
                f'xmlns="http://www.w3.org/2000/svg"{numbers}>',
                f"<title>{html.escape(self.title)}</title><style>{STYLE}</style>",
                f'<rect class="ground" width="{self.width}" height="{self.height}"/>',
                *map(as_svg, self.marks),
                "</svg>",
            ]
        )

    def png(self) -> bytes:
        """The same in the light scheme as pixels.

        Raises: UserError where Pillow is not installed.
        """
        return rasterised(self)


def as_svg(mark: Path | Words | Dot | Pixels) -> str:
    if isinstance(mark, Words):
        kind = "" if mark.anchor == "start" else f' class="{mark.anchor}"'
        return f'<text{kind} x="{mark.x:.1f}" y="{mark.y:.1f}">{html.escape(mark.words)}</text>'
    if isinstance(mark, Dot):
        said = f"<title>{html.escape(mark.label)}</title>" if mark.label else ""
        kind = f"dot c{mark.colour % len(LIGHT)}"
        place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:.1f}"'
        return f'<circle class="{kind}" {place}>{said}</circle>'
    if isinstance(mark, Pixels):
        source = base64.b64encode(png_bytes(mark.values)).decode()
        return (
            f'<image x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" '
            f'height="{mark.height:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{source}"/>'
        )
    dashes = f' stroke-dasharray="{" ".join(map(str, DASHES[mark.dashes]))}"' if mark.dashes else ""
    label = "" if mark.label is None else f' data-label="{html.escape(mark.label)}"'
    hidden = ' visibility="hidden"' if mark.kind == "here" else ""
    return f'<path class="{mark.kind}"{dashes} d="{pen(mark.points)}"{label}{hidden}/>'


def pen(points: Sequence[Point]) -> str:
    """The path through the points, lifted where there is none."""
    commands, down = [], False
    for point in points:
        if point is not None:
            commands.append(f"{'L' if down else 'M'}{point[0]:.1f} {point[1]:.1f}")
        down = point is not None
    return "".join(commands)


def png_bytes(values: np.ndarray) -> bytes:
    """A PNG of uint8 [rows, columns, 3]; nothing is needed but zlib.

    Source: the format's chunks, https://www.w3.org/TR/png-3/.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows, columns, _ = values.shape
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(values))
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def rasterised(drawing: Drawing) -> bytes:
    """A PNG of all marks but those that only a script moves."""
    what = "draws a PNG"
    images, draws = optional("PIL.Image", what), optional("PIL.ImageDraw", what)
    font = optional("PIL.ImageFont", what).load_default(12 * SCALE)
    image = images.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), GROUND)
    pencil = draws.Draw(image)
    for mark in drawing.marks:
        if isinstance(mark, Words):
            anchor = {"start": "ls", "mid": "ms", "end": "rs"}[mark.anchor]
            pencil.text((mark.x * SCALE, mark.y * SCALE), mark.words, TEXT, font, anchor)
        elif isinstance(mark, Dot):
            x, y, r = (n * SCALE for n in (mark.x, mark.y, mark.radius))
            pencil.ellipse((x - r, y - r, x + r, y + r), fill=LIGHT[mark.colour % len(LIGHT)])
        elif isinstance(mark, Pixels):
            size = (max(1, round(mark.width * SCALE)), max(1, round(mark.height * SCALE)))
            part = images.fromarray(mark.values).resize(size, images.Resampling.NEAREST)
            image.paste(part, (round(mark.x * SCALE), round(mark.y * SCALE)))
        elif mark.kind != "here":
            curve = mark.kind.startswith("curve")
            colour = LIGHT[int(mark.kind.rpartition("c")[2])] if curve else INK[mark.kind]
            for start, end in dashed(mark.points, DASHES[mark.dashes]):
                line = [n * SCALE for n in (*start, *end)]
                pencil.line(line, colour, SCALE * (2 if curve else 1))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def dashed(
    points: Sequence[Point], pattern: tuple[int, ...]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The pieces of the lines through the points that are drawn; an empty pattern draws all."""
    found = []
    n, left = 0, float(pattern[0]) if pattern else math.inf
    for start, end in pairwise(points):
        if start is None or end is None:
            continue
        length, at = math.dist(start, end), 0.0
        while at < length or length == at == 0:
            step = min(left, length - at)
            ends = [
                (start[0] + (end[0] - start[0]) * s, start[1] + (end[1] - start[1]) * s)
                for s in ((at / (length or 1)), (at + step) / (length or 1))
            ]
            if n % 2 == 0:
                found.append((ends[0], ends[1]))
            at, left = at + step, left - step
            if left <= 0:
                n += 1
                left = pattern[n % len(pattern)]
            if length == 0:
                break
    return found


def palette(colours: Sequence[str]) -> str:
    return "".join(
        f".unroll-plot .c{n}{{stroke:{colour}}}.unroll-plot .dot.c{n}{{fill:{colour}}}"
        for n, colour in enumerate(colours)
    )


STYLE = (
    ".unroll-plot{max-width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".unroll-plot .ground{fill:#fff}.unroll-plot text{fill:#1f2933}"
    ".unroll-plot .end{text-anchor:end}.unroll-plot .mid{text-anchor:middle}"
    ".unroll-plot .grid{stroke:#dfe3e8}.unroll-plot .level{stroke:#6b7785;stroke-dasharray:4 4}"
    ".unroll-plot .here{stroke:#1f2933}.unroll-plot .curve{fill:none;stroke-width:2}"
    ".unroll-plot .dot{stroke:none;fill-opacity:.75}"
    + palette(LIGHT)
    + "@media(prefers-color-scheme:dark){.unroll-plot .ground{fill:#14181d}"
    ".unroll-plot text{fill:#dde3ea}.unroll-plot .grid{stroke:#2c343d}"
    ".unroll-plot .here{stroke:#dde3ea}.unroll-plot .level{stroke:#9aa6b2}" + palette(DARK) + "}"
)
