"""What a person can set of a captioner, and which files look like captions."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from unroll.data.first_rows import LINES, TABLES, first_rows
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class CaptionSettings(RecurrentSettings):
    """A convolutional network that looks, a decoder that tells, and the table of captions."""

    flags: ClassVar[dict[str, str]] = {
        "image": "COLUMN",
        "text": "COLUMN",
        "valid": "FILE",
        "skip_bad": "",
        "level": "",
        "lower": "",
    }

    # the table
    image: str | None = Field(
        None, description="Column of the image's path; left out, the one whose cells are paths."
    )
    text: str | None = Field(
        None, description="Column or .jsonl field of the text; left out, guessed by its name, or "
        "the longest one."
    )  # fmt: skip
    valid: str | None = Field(
        None, description="Held-out captions; left out, a tenth of the images."
    )
    apart: Literal["auto", "images", "captions"] = Field(
        "auto",
        description="What the training and the held-out part may not share: images, or captions "
        "too; auto: captions too, where that leaves enough groups.",
    )
    skip_bad: bool = Field(False, description="Leave bad records out, count and go on.")
    # the images
    height: int | None = Field(
        None, ge=8, description="Rows that images are scaled to; left out, by their usual form."
    )
    width: int | None = Field(None, ge=8, description="Columns that images are scaled to.")
    colours: Literal[1, 3] = Field(3, description="3, or 1 for greys.")
    cache: int = Field(
        1024, ge=0, description="MiB of images that are kept in memory; more are read each time."
    )
    shift: int | None = Field(
        None, ge=0, description="Pixels that an image is moved at most, at random, in training."
    )
    # the words
    level: Literal["word", "bpe", "char"] = Field("word", description="What a token is.")
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many of the commonest tokens."
    )
    min_count: int | None = Field(
        None, ge=1, description="Rarer tokens become <unk>; left out, 2, or 1 for characters."
    )
    lower: bool = Field(True, description="Drop case.")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Where words end: at spaces, or also at punctuation; auto looks at the text.",
    )
    # the network
    channels: str = Field(
        "16,32,64", description="Channels of each block of convolutions; each halves the image."
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="How a step of the decoder looks for a place of the image."
    )
    tie: bool = Field(True, description="Use the embedding as the softmax's weights.")
    dropout_input: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout on the embeddings; left out, as dropout."
    )
    word_dropout: float | None = Field(
        None, ge=0, lt=1, description="Share of tokens that are unknown ones in training."
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of each target that is spread over all tokens."
    )
    # the search
    consensus: int = Field(
        100,
        ge=0,
        description="Draw so many captions and take the one that agrees most with the others; 0: a "
        "beam.",
    )
    prior: float | None = Field(
        None,
        ge=0,
        le=1,
        description="How much agreeing with the captions learned from counts beside agreeing with "
        "the drawn ones; left out, what is best on the held-out part.",
    )
    beam: int = Field(5, ge=1, description="Width of the beam; 1 takes the likeliest each time.")
    best: int = Field(1, ge=1, description="Captions to give of each image.")
    length_penalty: float = Field(
        1.0, ge=0, description="Power of the length that a log-probability is divided by."
    )
    temperature: float = Field(
        0.7, gt=0, description="Of the captions that are drawn; lower is nearer to the likeliest."
    )
    max_output: int | None = Field(
        None, ge=1, description="Most tokens of a caption; left out, the longest one learned."
    )

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if not self.consensus and self.best > self.beam:
            raise ValueError(f"best={self.best} captions need a beam as wide; it is {self.beam}")
        if self.consensus and self.best > self.consensus:
            raise ValueError(
                f"best={self.best} captions need as many drawn; it is {self.consensus}"
            )
        return self

    @field_validator("channels")
    @classmethod
    def are_numbers(cls, channels: str) -> str:
        words = channels.split(",")
        if not all(word.strip().isdigit() and int(word) for word in words):
            raise ValueError("expected whole numbers, as in 24,48,96")
        return channels

    @property
    def widths(self) -> list[int]:
        """The channels of each block."""
        return [int(word) for word in self.channels.split(",")]

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like images with captions, or None: a column whose cells are the paths of
        images, and another one."""
        if not path.is_file() or not path.name.endswith((*TABLES, *LINES)):
            return None
        try:
            rows, names = first_rows(path)
        except (UserError, OSError, ValueError, csv.Error):
            return None
        if not rows or len(names or rows[0]) < 2:
            return None
        if given.get("image"):
            return "a column of images is given"
        body = rows if names is not None else rows[1:] or rows
        width = len(names or rows[0])
        for k in range(width):
            cells = [row[k].strip().lower() for row in body if len(row) == width]
            if cells and 2 * sum(cell.endswith(IMAGES) for cell in cells) > len(cells):
                return f"a table with paths of images (column {(names or rows[0])[k]})"
        return None


# what may be changed for each use of a run
SEARCH = (
    "consensus",
    "prior",
    "beam",
    "best",
    "length_penalty",
    "temperature",
    "max_output",
    "seed",
)
