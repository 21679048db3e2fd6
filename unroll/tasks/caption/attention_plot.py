"""The attention of a captioner for each token, drawn over the image as an SVG."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

from unroll.data.images import read_image
from unroll.data.optional import optional

ACROSS = 960  # width of the drawing, in pixels
WIDEST = 480  # of an image in it
GAP, LINE, MARGIN = 12, 22, 16
STYLE = (
    "text{font:14px sans-serif;fill:#111}.caption{font-size:17px}.note{font-size:12px;fill:#555}"
    ".attended{fill:#d81b60}"
)


@dataclass(frozen=True)
class AttendedImage:
    """An image with the attention of each token of its caption.

    Attributes:
        png: the bytes of the image.
        height: in pixels.
        width: in pixels.
        title: the line above the image.
        note: a smaller line below the title.
        tokens: one for each panel.
        weights: for each token, the weights of the places of the grid, row by row.
        grid: rows and columns.
    """

    png: bytes
    height: int
    width: int
    title: str
    note: str
    tokens: Sequence[str]
    weights: Sequence[Sequence[float]]
    grid: tuple[int, int]


def draw_attention(images: Sequence[AttendedImage]) -> str:
    """An SVG drawing that holds the images too, so that it needs no other file.

    The redder a place, the larger its weight for the token; the reddest place of each token has its
    largest weight.

    Examples:
        >>> from unroll.tasks.caption.attention_plot import AttendedImage, draw_attention
        >>> weights = [[0.1, 0.9]] * 2
        >>> image = AttendedImage(b"", 20, 40, "a dog", "dog.png", ["a", "dog"], weights, (1, 2))
        >>> text = draw_attention([image])
        >>> text[:4], text.count('class="attended"')
        ('<svg', 4)
    """
    parts: list[str] = []
    top = MARGIN
    for number, image in enumerate(images):
        drawn, height = draw_panels(image, f"image{number}", top)
        parts += drawn
        top += height + 2 * GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ACROSS} {top}" width="{ACROSS}" '
        f'height="{top}"><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def draw_panels(image: AttendedImage, name: str, top: int) -> tuple[list[str], int]:
    """The panels of one image, the first at height `top`, and the height that they take."""
    wide = image.width > 2 * image.height
    across = 2 if wide else 4
    width = (ACROSS - 2 * MARGIN - (across - 1) * GAP) / across
    height = width * image.height / image.width
    data = base64.b64encode(image.png).decode()
    parts = [
        f'<defs><image id="{name}" width="{width:.1f}" height="{height:.1f}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{data}"/></defs>',
        f'<text class="caption" x="{MARGIN}" y="{top + LINE - 4}">{escape(image.title)}</text>',
        f'<text class="note" x="{MARGIN}" y="{top + 2 * LINE - 6}">{escape(image.note)}</text>',
    ]
    top += 2 * LINE
    for k, (token, weights) in enumerate(zip(image.tokens, image.weights, strict=True)):
        x = MARGIN + (k % across) * (width + GAP)
        y = top + (k // across) * (height + LINE + GAP)
        parts += [
            f'<g transform="translate({x:.1f} {y:.1f})"><text y="{LINE - 7}">{escape(token)}</text>'
            f'<g transform="translate(0 {LINE})"><use href="#{name}"/>',
            *draw_weights(weights, image.grid, width, height),
            "</g></g>",
        ]
    lines = -(-len(image.tokens) // across)
    return parts, 2 * LINE + round(lines * (height + LINE + GAP))


def draw_weights(
    weights: Sequence[float], grid: tuple[int, int], width: float, height: float
) -> list[str]:
    """A rectangle for each place of the grid that has weight."""
    rows, columns = grid
    most = max(weights, default=0.0) or 1.0
    w, h = width / columns, height / rows
    return [
        f'<rect class="attended" x="{k % columns * w:.1f}" y="{k // columns * h:.1f}" '
        f'width="{w:.1f}" height="{h:.1f}" fill-opacity="{0.75 * weight / most:.2f}"/>'
        for k, weight in enumerate(weights)
        if weight / most >= 0.05
    ]


def read_as_png(path: str | Path) -> tuple[bytes, int, int]:
    """An image file as a PNG of at most 480 columns.

    Returns:
        The bytes of the PNG, its height and its width in pixels.

    Raises:
        BadImage: where the file cannot be read.
    """
    image = read_image(Path(path))
    if image.shape[2] > WIDEST:
        image = read_image(Path(path), width=WIDEST)
    pillow, file = optional("PIL.Image", "draws images"), BytesIO()
    numbers = (image.permute(1, 2, 0) * 255).round().byte().numpy()
    pillow.fromarray(numbers).save(file, format="PNG")
    return file.getvalue(), image.shape[1], image.shape[2]
