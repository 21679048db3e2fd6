"""Images with their captions beside the references, and the attention of each word over the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Area, Drawing, Mark, Pixels, TextMark
from unroll.inspect.finding import Picture, Row, round_digits
from unroll.inspect.task_pictures.finding import TaskFinding, shown_of
from unroll.inspect.task_pictures.plane import WIDTH, shorten
from unroll.tasks.pictures import CaptionedImage, CaptionedImages

ACROSS = 4  # words in a row
GAP, MARGIN, LINE = 8.0, 8.0, 18.0
WORDS = 12  # whose attention is drawn
STRONGEST = 0.7  # opacity of the place with the largest weight


@dataclass(frozen=True)
class CaptionResults(TaskFinding):
    """Images with their captions.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        captioned: the images.
    """

    captioned: CaptionedImages

    def sentences(self) -> list[str]:
        """What is shown, and how many captions are a reference."""
        images = self.captioned.images
        same = sum(plain(each.caption) in map(plain, each.references) for each in images)
        different = len({each.caption for each in images})
        lines = [
            f"{len(images):,} of {self.captioned.of:,} images with {different:,} different captions, "
            f"of which {same:,} say word for word what a reference says.",
            "Orange: where the network looks while the word comes; the strongest place of each word has "
            "the full colour.",
        ]
        if borrowed := sum(each.origin != "network" for each in images):
            lines.append(
                f"{counted(borrowed, 'caption is', 'captions are')} those of similar images, which the "
                "network did not write: its attention is that of reading them."
            )
        return lines

    def table(self) -> list[list[str]]:
        """The place of the largest weight of each word."""
        rows = [["image", "word", "row", "column", "weight"]]
        for each in self.captioned.images:
            for token, weights in zip(each.tokens, each.attention, strict=False):
                row, column = np.unravel_index(int(weights.argmax()), weights.shape)
                rows.append(
                    [each.name, token, f"{row + 1}", f"{column + 1}", f"{weights.max():.0%}"]
                )
        return rows

    def examples(self) -> list[list[str]]:
        """The caption of each image beside its references."""
        rows = [
            [each.name, each.caption, " / ".join(each.references[:5])]
            for each in self.captioned.images
        ]
        return [["image", "caption of the run", "references"], *rows]

    def as_dict(self) -> dict[str, Any]:
        """Captions and attention, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "images": [
                {
                    "image": each.name,
                    "caption": each.caption,
                    "origin": each.origin,
                    "references": list(each.references),
                    "tokens": list(each.tokens),
                    "attention": [
                        [round_digits(w) for w in weights.ravel().tolist()]
                        for weights in each.attention
                    ],
                }
                for each in self.captioned.images
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`image` for each image: the image, and the attention of each word over it."""
        pictures = {}
        for n, each in enumerate(self.captioned.images):
            _, rows, columns = each.attention.shape
            head = [f"{r + 1},{c + 1}" for r in range(rows) for c in range(columns)]
            numbers: list[Row] = [["word", *head]]
            numbers += [
                [token, *weights.ravel().tolist()]
                for token, weights in zip(each.tokens, each.attention, strict=False)
            ]
            name = "image" if not n else f"image {n + 1}"
            pictures[name] = Picture(lambda each=each: draw_captioned(each), numbers)  # type: ignore[misc]
        return pictures


def draw_captioned(each: CaptionedImage) -> Drawing:
    """An image, and small copies of it with the attention of each word."""
    height, width, _ = each.pixels.shape
    large = min(WIDTH * 0.5, 150.0 * width / height)
    high = large * height / width
    small = (WIDTH - 2 * MARGIN - (ACROSS - 1) * GAP) / ACROSS
    low = small * height / width
    words = list(zip(each.tokens, each.attention, strict=False))[:WORDS]
    lines = -(-len(words) // ACROSS)
    top = 28 + high + GAP
    drawing = Drawing(WIDTH, round(top + lines * (low + LINE + GAP) + 4), each.caption)
    marks = drawing.marks
    marks.append(TextMark(MARGIN, 18, shorten(each.caption or "(no words)", 56)))
    marks.append(Pixels(MARGIN, 28, large, high, each.pixels))
    for n, line in enumerate(
        wrapped([f"reference: {each.references[0]}"], 28)[: int(high // LINE)]
    ):
        marks.append(TextMark(MARGIN + large + GAP, 40 + n * LINE, line))
    for k, (token, weights) in enumerate(words):
        x, y = MARGIN + k % ACROSS * (small + GAP), top + k // ACROSS * (low + LINE + GAP)
        marks.append(TextMark(x, y + 12, shorten(token, 13)))
        marks.append(Pixels(x, y + LINE, small, low, each.pixels))
        marks += weight_marks(weights, (x, y + LINE), (small, low))
    return drawing


def weight_marks(
    weights: np.ndarray, corner: tuple[float, float], size: tuple[float, float]
) -> list[Mark]:
    """The attention of one word over an image: a rectangle for each place with weight."""
    rows, columns = weights.shape
    wide, high = size[0] / columns, size[1] / rows
    most = float(weights.max()) or 1.0
    return [
        Area.rectangle(
            (corner[0] + c * wide, corner[1] + r * high),
            (wide, high),
            1,
            STRONGEST * float(weights[r, c]) / most,
            f"{weights[r, c]:.1%}",
        )
        for r in range(rows)
        for c in range(columns)
        if weights[r, c] / most >= 0.05
    ]


def plain(text: str) -> str:
    """A text in lower case without its spaces: captions are written in tokens."""
    return "".join(text.lower().split())


def wrapped(texts: list[str], letters: int) -> list[str]:
    """Texts in lines of at most so many letters."""
    from textwrap import wrap

    return [line for text in texts for line in wrap(text, letters)]


def caption_results(
    captioned: CaptionedImages, title: str, conditions: dict[str, Any]
) -> CaptionResults:
    """The finding on captioned images.

    Args:
        captioned: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    own = shown_of(len(captioned.images), captioned.of, "images")
    return CaptionResults(title, {**conditions, **own}, captioned)
