"""Settings of a captioner, and which files look like tables of captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from unroll.data.files.media_paths import IMAGES, column_of_paths
from unroll.data.first_rows import first_rows, has_columns
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import (
    BeamWidth,
    DropoutInput,
    LengthPenalty,
    MinCount,
    SkipBad,
    TieEmbedding,
    TokenSmoothing,
    WordDropout,
    WordSplit,
)
from unroll.tasks.caption.coco import is_coco


class CaptionSettings(RecurrentSettings):
    """Settings of a convolutional network, a decoder with attention, and the table that they learn."""

    flags: ClassVar[dict[str, str]] = {
        "image": "COLUMN",
        "text": "COLUMN",
        "valid": "FILE",
        "by": "COLUMN",
        "skip_bad": "",
        "level": "",
        "lower": "",
    }

    # the table
    image: str | None = Field(
        None, description="Column of the image's path. Default: the column that holds such paths."
    )
    text: str | None = Field(
        None,
        description="Column or .jsonl field of the caption. Default: guessed by its name, "
        "otherwise the column with the longest texts.",
    )
    valid: str | None = Field(
        None, description="Table of the validation set. Default: a tenth of the images."
    )
    by: str | None = Field(
        None,
        description="Column of a group (photographer, patient, place); all images of a group are "
        "either in the training set or in the validation set.",
    )
    apart: Literal["auto", "images", "captions"] = Field(
        "auto",
        description="What the training set and the validation set may not share. images: no "
        "image is in both; captions: no caption either; auto: captions, if enough groups "
        "remain, otherwise images.",
    )
    skip_bad: SkipBad = False
    # the images
    height: int | None = Field(
        None,
        ge=8,
        description="Height in pixels to which images are scaled. Default: chosen from the "
        "usual shape of the images.",
    )
    width: int | None = Field(
        None,
        ge=8,
        description="Width in pixels to which images are scaled. Default: chosen from the "
        "usual shape of the images.",
    )
    colours: Literal[1, 3] = Field(3, description="Colour channels. 3: colour; 1: grey.")
    cache: int = Field(
        1024,
        ge=0,
        description="Largest set of images that stays in memory, in MiB; a larger set is read "
        "from disk each time.",
    )
    shift: int | None = Field(
        None,
        ge=0,
        description="Training moves images at random by up to so many pixels. Default: chosen "
        "by the task.",
    )
    # the words
    level: Literal["word", "bpe", "char"] = Field("word", description="What a token is.")
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many of the most frequent tokens. Default: all."
    )
    min_count: MinCount = None
    lower: bool = Field(True, description="Convert captions to lower case.")
    split: WordSplit = "auto"
    # the network
    channels: str = Field(
        "16,32,64",
        description="Channels of each block of convolutions; each block halves the image.",
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="How the decoder scores the positions of the image."
    )
    tie: TieEmbedding = True
    dropout_input: DropoutInput = None
    word_dropout: WordDropout = None
    label_smoothing: TokenSmoothing = 0.1
    # the search
    consensus: int = Field(
        100,
        ge=0,
        description="Sample this many captions and take the caption that agrees most with the "
        "others. 0: use a beam.",
    )
    prior: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Weight of agreement with captions of the training set, against agreement "
        "with the sampled captions. Default: the best value on the validation set.",
    )
    beam: BeamWidth = 5
    best: int = Field(1, ge=1, description="Number of captions for each image.")
    length_penalty: LengthPenalty = 1.0
    temperature: float = Field(
        0.7,
        gt=0,
        description="Temperature of sampled captions; a lower value samples more likely captions.",
    )
    max_output: int | None = Field(
        None,
        ge=1,
        description="Most tokens of a caption. Default: the length of the longest caption in "
        "training.",
    )

    @model_validator(mode="after")
    def check_combination(self) -> Self:
        """Refuse settings that contradict each other.

        Raises:
            ValueError: where `best` is more than `consensus` or, without it, more than `beam`.
        """
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
        """Refuse what is no list of whole numbers.

        Raises:
            ValueError: where a part between commas is not a whole number above 0.
        """
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
        if not has_columns(path):
            return None
        try:
            if is_coco(path):
                return "captions of COCO"
            rows, names = first_rows(path)
        except (UserError, OSError):
            return None
        if not rows or len(names or rows[0]) < 2:
            return None
        if given.get("image"):
            return "a column of images is given"
        return cls.guess_rows(rows, names, path)

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like images with captions by its rows; as for every task."""
        if not rows or len(names or rows[0]) < 2:
            return None
        k = column_of_paths(rows, names, IMAGES)
        return (
            None if k is None else f"a table with paths of images (column {(names or rows[0])[k]})"
        )


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
