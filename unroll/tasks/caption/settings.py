"""Settings of a captioner, and which files look like tables of captions."""

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
    """Settings of a convolutional network, a decoder with attention, and the table that they learn."""

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
        None, description="Column of the image's path. Default: the one whose cells are such paths."
    )
    text: str | None = Field(
        None,
        description="Column or .jsonl field of the caption. Default: guessed by its name, or the "
        "longest one.",
    )
    valid: str | None = Field(
        None, description="Table of the validation set. Default: a tenth of the images."
    )
    apart: Literal["auto", "images", "captions"] = Field(
        "auto",
        description="What training and validation set may not share: images, or captions too; auto: "
        "captions too, where that leaves enough groups.",
    )
    skip_bad: bool = Field(False, description="Skip and count bad records instead of stopping.")
    # the images
    height: int | None = Field(
        None, ge=8, description="Rows that images are scaled to. Default: by their usual shape."
    )
    width: int | None = Field(
        None, ge=8, description="Columns that images are scaled to. Default: by their usual shape."
    )
    colours: Literal[1, 3] = Field(3, description="3, or 1 for grey images.")
    cache: int = Field(
        1024,
        ge=0,
        description="MiB of images that may stay in memory; larger sets are read again each time.",
    )
    shift: int | None = Field(
        None, ge=0, description="Most pixels by which training moves an image at random."
    )
    # the words
    level: Literal["word", "bpe", "char"] = Field("word", description="What a token is.")
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many of the most frequent tokens. Default: all."
    )
    min_count: int | None = Field(
        None, ge=1, description="Rarer tokens become <unk>. Default: 2, or 1 for characters."
    )
    lower: bool = Field(True, description="Convert captions to lower case.")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Where words end: at spaces, or also at punctuation; auto decides by the text.",
    )
    # the network
    channels: str = Field(
        "16,32,64",
        description="Channels of each block of convolutions; each block halves the image.",
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="How the decoder scores the places of the image."
    )
    tie: bool = Field(True, description="Use the embedding as the weights of the softmax.")
    dropout_input: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout on the embeddings. Default: as dropout."
    )
    word_dropout: float | None = Field(
        None, ge=0, lt=1, description="Share of tokens that training replaces by <unk>."
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of each target that is spread over all tokens."
    )
    # the search
    consensus: int = Field(
        100,
        ge=0,
        description="Draw this many captions and take the one that agrees most with the others; 0: "
        "use a beam.",
    )
    prior: float | None = Field(
        None,
        ge=0,
        le=1,
        description="How much agreement with the captions of the training set counts, beside agreement "
        "with the drawn ones. Default: the best value on the validation set.",
    )
    beam: int = Field(
        5, ge=1, description="Width of the beam; 1 takes the most likely token each time."
    )
    best: int = Field(1, ge=1, description="Captions to give for each image.")
    length_penalty: float = Field(
        1.0, ge=0, description="Power of the length that a log-probability is divided by."
    )
    temperature: float = Field(
        0.7, gt=0, description="Temperature of drawn captions; lower draws likelier ones."
    )
    max_output: int | None = Field(
        None,
        ge=1,
        description="Most tokens of a caption. Default: those of the longest caption in training.",
    )

    @model_validator(mode="after")
    def check_combination(self) -> Self:
        """Refuse settings that contradict each other."""
        if not self.consensus and self.best > self.beam:
            raise ValueError(
                f"best={self.best} captions need a beam of at least that width; beam is {self.beam}"
            )
        if self.consensus and self.best > self.consensus:
            raise ValueError(
                f"best={self.best} captions need at least as many drawn ones; consensus is "
                f"{self.consensus}"
            )
        return self

    @property
    def ties_embedding(self) -> bool:
        return self.tie

    @field_validator("channels")
    @classmethod
    def check_channels(cls, channels: str) -> str:
        """Refuse what is no list of whole numbers."""
        words = channels.split(",")
        if not all(word.strip().isdigit() and int(word) for word in words):
            raise ValueError("expected whole numbers separated by commas, such as 24,48,96")
        return channels

    @property
    def widths(self) -> list[int]:
        """The channels of each block."""
        return [int(word) for word in self.channels.split(",")]

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like images with captions, or None.

        It does where most cells of one column are paths of images, and there is another column.

        Args:
            path: the data.
            given: the settings that the user gave.
        """
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


# settings that may be changed each time a run is used
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
