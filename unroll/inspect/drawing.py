"""A picture as a list of marks: an SVG for pages and notebooks, light and dark, or a PNG.

Files, notebooks and pages use the same drawing, so nothing here needs a browser.
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

# by curve, for light and dark pages; distinct with most forms of colour blindness too
LIGHT = ("#0b5cad", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#be185d", "#475569", "#15803d")
DARK = ("#6cb2f7", "#fb923c", "#5eead4", "#c4b5fd", "#fde047", "#f9a8d4", "#cbd5e1", "#86efac")
DASHES: tuple[tuple[int, ...], ...] = ((), (7, 4), (2, 3), (10, 3, 2, 3))
INK, GROUND = {"grid": "#dfe3e8", "level": "#6b7785"}, "#ffffff"
TEXT = "#1f2933"
# a box by its kind: filling and edge, for light and for dark pages
BOXES = {
    "given": ("#e8f1fb", "#0b5cad", "#12283f", "#6cb2f7"),
    "weight": ("#f4f5f7", "#6b7785", "#1d242c", "#9aa6b2"),
    "operation": ("#ffffff", "#6b7785", "#14181d", "#9aa6b2"),
    "made": ("#e6f5f1", "#0f766e", "#10302b", "#5eead4"),
    "lit": ("#fdecdf", "#c2410c", "#43240f", "#fb923c"),
}
SCALE = 2  # pixels of a PNG for each unit of the picture
LEAST_SCALE = 0.92  # of a picture in a page: its letters of 12 pixels stay above 11


@dataclass(frozen=True)
class Polyline:
    """Lines through points.

    Attributes:
        points: (x, y); the line is interrupted at None.
        kind: "grid", "level" (dashed), "level plain", "here" (a line that a script moves) or "curve cN"
            of the palette.
        dashes: the number of a pattern of DASHES.
        label: for scripts and tests.
    """

    points: Sequence[Point]
    kind: str
    dashes: int = 0
    label: str | None = None


@dataclass(frozen=True)
class TextMark:
    """A text at a point.

    Attributes:
        x: to the right.
        y: downwards, of the baseline.
        text: what it says.
        anchor: the part of the text that is at the point: "start", "mid" or "end".
    """

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True)
class Dot:
    """A circle.

    Attributes:
        x: of the centre, to the right.
        y: of the centre, downwards.
        radius: of the circle.
        colour: its number in the palette.
        label: shown where the pointer rests.
    """

    x: float
    y: float
    radius: float
    colour: int
    label: str = ""


@dataclass(frozen=True)
class Pixels:
    """A small image, enlarged to a rectangle without smoothing.

    Attributes:
        x: of the left edge.
        y: of the upper edge.
        width: of the rectangle.
        height: of the rectangle.
        values: uint8 [rows, columns, 3].
    """

    x: float
    y: float
    width: float
    height: float
    values: np.ndarray


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners, behind a text.

    Attributes:
        x: of the left edge.
        y: of the upper edge.
        width: of the rectangle.
        height: of the rectangle.
        kind: "given", "weight", "operation", "made" or "lit".
    """

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Area:
    """A filled polygon: a band, a bar, a note, a cell of a table.

    Attributes:
        points: (x, y) of its corners.
        colour: its number in the palette.
        opacity: 0 to 1; what lies behind shows through.
        label: shown where the pointer rests.
    """

    points: Sequence[tuple[float, float]]
    colour: int
    opacity: float = 1.0
    label: str = ""

    @classmethod
    def rectangle(
        cls,
        corner: tuple[float, float],
        size: tuple[float, float],
        colour: int,
        opacity: float = 1.0,
        label: str = "",
    ) -> Area:
        """A rectangle. corner: its upper left one; size: width and height."""
        (x, y), (width, height) = corner, size
        points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        return cls(points, colour, opacity, label)


Mark = Polyline | TextMark | Dot | Pixels | Box | Area


@dataclass
class Drawing:
    """A picture.

    Attributes:
        width: in units of the picture.
        height: in units of the picture.
        title: for screen readers.
        data: numbers for scripts, as `data-...` attributes.
        marks: from back to front.
        description: what is to be seen, in words, for screen readers.
        narrow: the same picture for a column as narrow as a phone. Default: none; there the picture
            scrolls in a box of its own.
    """

    width: int
    height: int
    title: str
    data: dict[str, Any] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    description: str = ""
    narrow: Drawing | None = None

    def svg(self) -> str:
        """An SVG for a file or a notebook, which follows the light or dark scheme of the reader."""
        return self._svg("unroll-plot", f"<style>{STYLE}</style>")

    def figure(self, caption: str = "") -> str:
        """The picture in a page: its letters keep their size, on a phone too.

        Args:
            caption: one sentence that says what is to be seen.
        """
        if self.narrow is None:
            least = f' style="min-width:{round(self.width * LEAST_SCALE)}px"'
            drawn = f'<div class="drawing wide">{self._svg("unroll-plot", "", least)}</div>'
        else:
            drawn = (
                f'<div class="drawing reflows">{self._svg("unroll-plot at-wide")}'
                f"{self.narrow._svg('unroll-plot at-narrow')}</div>"
            )
        below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
        return f'<figure class="figure">{drawn}{below}</figure>'

    def _svg(self, kind: str, style: str = "", attributes: str = "") -> str:
        numbers = "".join(f' data-{name}="{value}"' for name, value in self.data.items())
        described = f"<desc>{html.escape(self.description)}</desc>" if self.description else ""
        return "\n".join(
            [
                f'<svg class="{kind}" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" '
                f'xmlns="http://www.w3.org/2000/svg"{numbers}{attributes}>',
                f"<title>{html.escape(self.title)}</title>{described}{style}",
                f'<rect class="ground" width="{self.width}" height="{self.height}"/>',
                *map(mark_as_svg, self.marks),
                "</svg>",
            ]
        )

    def png(self) -> bytes:
        """A PNG in light colours.

        Raises:
            UserError: where Pillow is not installed.
        """
        return draw_png(self)


def mark_as_svg(mark: Mark) -> str:
    """One element of an SVG."""
    if isinstance(mark, TextMark):
        kind = "" if mark.anchor == "start" else f' class="{mark.anchor}"'
        return f'<text{kind} x="{mark.x:.1f}" y="{mark.y:.1f}">{html.escape(mark.text)}</text>'
    if isinstance(mark, Dot):
        tooltip = f"<title>{html.escape(mark.label)}</title>" if mark.label else ""
        kind = f"dot c{mark.colour % len(LIGHT)}"
        place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:.1f}"'
        return f'<circle class="{kind}" {place}>{tooltip}</circle>'
    if isinstance(mark, Area):
        tooltip = f"<title>{html.escape(mark.label)}</title>" if mark.label else ""
        kind = f"area c{mark.colour % len(LIGHT)}"
        return (
            f'<path class="{kind}" fill-opacity="{mark.opacity:.3g}" '
            f'd="{path_commands(mark.points)}Z">{tooltip}</path>'
        )
    if isinstance(mark, Box):
        return (
            f'<rect class="box {mark.kind}" x="{mark.x:.1f}" y="{mark.y:.1f}" '
            f'width="{mark.width:.1f}" height="{mark.height:.1f}" rx="5"/>'
        )
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
    return f'<path class="{mark.kind}"{dashes} d="{path_commands(mark.points)}"{label}{hidden}/>'


def path_commands(points: Sequence[Point]) -> str:
    """The commands of an SVG path through the points, interrupted at None."""
    commands, down = [], False
    for point in points:
        if point is not None:
            commands.append(f"{'L' if down else 'M'}{point[0]:.1f} {point[1]:.1f}")
        down = point is not None
    return "".join(commands)


def png_bytes(values: np.ndarray) -> bytes:
    """A PNG of an image, written with zlib alone.

    Args:
        values: uint8 [rows, columns, 3].

    Source: the chunks of the format, https://www.w3.org/TR/png-3/.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows, columns, _ = values.shape
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(values))
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def draw_png(drawing: Drawing) -> bytes:
    """A PNG of all marks except those that a script moves.

    Raises:
        UserError: where Pillow is not installed.
    """
    what = "draws a PNG"
    images, draws = optional("PIL.Image", what), optional("PIL.ImageDraw", what)
    font = optional("PIL.ImageFont", what).load_default(12 * SCALE)
    image = images.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), GROUND)
    pencil = draws.Draw(image)
    for mark in drawing.marks:
        if isinstance(mark, TextMark):
            anchor = {"start": "ls", "mid": "ms", "end": "rs"}[mark.anchor]
            pencil.text((mark.x * SCALE, mark.y * SCALE), mark.text, TEXT, font, anchor)
        elif isinstance(mark, Dot):
            x, y, r = (n * SCALE for n in (mark.x, mark.y, mark.radius))
            pencil.ellipse((x - r, y - r, x + r, y + r), fill=LIGHT[mark.colour % len(LIGHT)])
        elif isinstance(mark, Area):
            rgba = (
                *bytes.fromhex(LIGHT[mark.colour % len(LIGHT)][1:]),
                round(255 * mark.opacity),
            )
            corners = [(x * SCALE, y * SCALE) for x, y in mark.points]
            draws.Draw(image, "RGBA").polygon(corners, fill=rgba)  # over what is there
        elif isinstance(mark, Box):
            sides = (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
            fill, edge, _, _ = BOXES[mark.kind]
            pencil.rounded_rectangle([n * SCALE for n in sides], 5 * SCALE, fill, edge, SCALE)
        elif isinstance(mark, Pixels):
            size = (max(1, round(mark.width * SCALE)), max(1, round(mark.height * SCALE)))
            part = images.fromarray(mark.values).resize(size, images.Resampling.NEAREST)
            image.paste(part, (round(mark.x * SCALE), round(mark.y * SCALE)))
        elif mark.kind != "here":
            curve = mark.kind.startswith("curve")
            colour = (
                LIGHT[int(mark.kind.rpartition("c")[2])] if curve else INK[mark.kind.split()[0]]
            )
            for start, end in dashed_pieces(mark.points, DASHES[mark.dashes]):
                line = [n * SCALE for n in (*start, *end)]
                pencil.line(line, colour, SCALE * (2 if curve else 1))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def dashed_pieces(
    points: Sequence[Point], pattern: tuple[int, ...]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The drawn pieces of a dashed line.

    Args:
        points: (x, y); the line is interrupted at None.
        pattern: lengths, drawn and not drawn in turn; empty for a solid line.

    Returns:
        Pairs of start and end.
    """
    pieces = []
    n, rest = 0, float(pattern[0]) if pattern else math.inf
    for start, end in pairwise(points):
        if start is None or end is None:
            continue
        length, at = math.dist(start, end), 0.0
        while at < length or length == at == 0:
            step = min(rest, length - at)
            ends = [
                (start[0] + (end[0] - start[0]) * s, start[1] + (end[1] - start[1]) * s)
                for s in ((at / (length or 1)), (at + step) / (length or 1))
            ]
            if n % 2 == 0:
                pieces.append((ends[0], ends[1]))
            at, rest = at + step, rest - step
            if rest <= 0:
                n += 1
                rest = pattern[n % len(pattern)]
            if length == 0:
                break
    return pieces


def arrow(start: tuple[float, float], end: tuple[float, float], kind: str) -> list[Polyline]:
    """The head of an arrow at the end of a line.

    Args:
        start: where the line comes from.
        end: of the line.
        kind: of the line, as in `Polyline`.
    """
    length = math.dist(start, end) or 1.0
    across, down = ((e - s) / length for s, e in zip(start, end, strict=True))
    x, y = end
    sides = [
        (x - 7 * across + turn * 4 * down, y - 7 * down - turn * 4 * across) for turn in (-1, 1)
    ]
    return [Polyline([sides[0], end, sides[1]], kind)]


def box_css(first: int) -> str:
    """Style rules for boxes. first: where the colours begin in `BOXES`, 0 for light, 2 for dark."""
    return "".join(
        f".unroll-plot .box.{kind}{{fill:{colours[first]};stroke:{colours[first + 1]}}}"
        for kind, colours in BOXES.items()
    )


def palette_css(colours: Sequence[str]) -> str:
    """Style rules for curves and dots in these colours."""
    return "".join(
        f".unroll-plot .c{n}{{stroke:{colour}}}.unroll-plot .dot.c{n},"
        f".unroll-plot .area.c{n}{{fill:{colour}}}"
        for n, colour in enumerate(colours)
    )


STYLE = (
    ".unroll-plot{max-width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".unroll-plot .ground{fill:#fff}.unroll-plot text{fill:#1f2933}"
    ".unroll-plot .end{text-anchor:end}.unroll-plot .mid{text-anchor:middle}"
    ".unroll-plot .grid{stroke:#dfe3e8}.unroll-plot .level{stroke:#6b7785;stroke-dasharray:4 4}"
    ".unroll-plot .here{stroke:#1f2933}.unroll-plot .curve{fill:none;stroke-width:2}"
    ".unroll-plot .dot{stroke:none;fill-opacity:.75}"
    + ".unroll-plot path{fill:none}.unroll-plot path.area{stroke:none}"
    ".unroll-plot .level.plain{stroke-dasharray:none}"
    + palette_css(LIGHT)
    + box_css(0)
    + "@media(prefers-color-scheme:dark){.unroll-plot .ground{fill:#14181d}"
    ".unroll-plot text{fill:#dde3ea}.unroll-plot .grid{stroke:#2c343d}"
    ".unroll-plot .here{stroke:#dde3ea}.unroll-plot .level{stroke:#9aa6b2}"
    + palette_css(DARK)
    + box_css(2)
    + "}"
)
