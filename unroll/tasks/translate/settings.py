"""Settings of a translator, and which files look like pairs."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import (
    BeamWidth,
    DropoutInput,
    LengthPenalty,
    LowerWords,
    MinCount,
    SkipBad,
    TokenSmoothing,
    WordDropout,
    WordSplit,
)

LOOK = 200  # lines that a guess looks at
SUFFIXES = (".tsv", ".txt", ".tsv.gz", ".txt.gz")


class TranslateSettings(RecurrentSettings):
    """Settings of an encoder, a decoder with attention, and the pairs that they learn."""

    flags: ClassVar[dict[str, str]] = {
        "target": "COLUMN",
        "valid": "FILE",
        "skip_bad": "",
        "level": "",
        "lower": "",
    }

    # the pairs
    source: str | None = Field(
        None, description="Column of the source, by number from 1 or by name. Default: 1."
    )
    target: str | None = Field(
        None,
        description="Column of the target (default: 2), or a second file, whose line n "
        "translates line n of the first.",
    )
    valid: str | None = Field(
        None, description="Pairs of the validation set. Default: a tenth of the different sources."
    )
    valid_target: str | None = Field(
        None, description="Second file of the validation set, if target is a file."
    )
    skip_bad: SkipBad = False
    max_length: int | None = Field(
        None, ge=1, description="Longest source and target, in tokens. Default: no limit."
    )
    too_long: Literal["refuse", "cut", "leave_out"] = Field(
        "refuse",
        description="What happens to longer pairs. refuse: training does not start; cut: they "
        "are truncated; leave_out: they are skipped.",
    )
    # the tokens
    level: Literal["word", "bpe", "char"] = Field("bpe", description="What a token is.")
    joint: bool = Field(
        False, description="Use the same vocabulary and embedding for source and target."
    )
    vocabulary_size: int | None = Field(
        None,
        ge=2,
        description="Keep this many of the most frequent tokens of a side. Default: all; for "
        "bpe 2000 to 8000, by the number of pairs.",
    )
    min_count: MinCount = None
    lower: LowerWords = False
    split: WordSplit = "auto"
    # the network
    encoder_hidden: int | None = Field(
        None, ge=1, description="Units of the encoder in each direction. Default: half of hidden."
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="How the decoder scores the positions of the source."
    )
    coverage: bool = Field(
        False,
        description="The attention also reads how much it attended to each position before; "
        "slower.",
    )
    input_feeding: bool = Field(
        False,
        description="The decoder also reads the attentional vector of the previous step; "
        "several times slower.",
    )
    tie: bool = Field(
        True, description="Use the embedding of the target as the weights of the softmax."
    )
    dropout_input: DropoutInput = None
    word_dropout: WordDropout = None
    # the training
    label_smoothing: TokenSmoothing = 0.1
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the decoder's inputs that are the true tokens; the others are "
        "its own predictions. The share falls linearly from 1.",
    )
    forcing_epochs: int = Field(
        10, ge=1, description="Epochs until the share of teacher_forcing is reached."
    )
    # the search
    beam: BeamWidth = 5
    best: int = Field(
        1,
        ge=1,
        description="Number of translations for each source, at most the width of the beam.",
    )
    length_penalty: LengthPenalty = 1.0
    coverage_penalty: float = Field(
        0.0,
        ge=0,
        description="Penalty for parts of the source that were not attended to. 0: none.",
    )
    temperature: float | None = Field(
        None, ge=0, description="Sample translations at this temperature instead of using a beam."
    )
    replace_unknown: bool = Field(
        True, description="Replace <unk> by the word of the source with the most attention."
    )
    max_output: int | None = Field(
        None,
        ge=1,
        description="Most tokens of a translation. Default: the length of the longest target "
        "in training.",
    )

    @model_validator(mode="after")
    def check_combination(self) -> Self:
        """Refuse settings that contradict each other.

        Raises:
            ValueError: where they do.
        """
        if self.lower and self.level != "word":
            raise ValueError(f"lower=true needs level=word; level is {self.level}")
        if self.best > self.beam:
            raise ValueError(
                f"best={self.best} translations need a beam of at least that width; beam is {self.beam}"
            )
        if self.valid_target is not None and self.valid is None:
            raise ValueError("valid_target needs valid too")
        return self

    @property
    def ties_embedding(self) -> bool:
        return self.tie

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like pairs of texts, or None.

        It does where each line holds two texts and both columns have many different values: a column
        of labels repeats a few.

        Args:
            path: the data.
            given: the settings that the user gave.
        """
        target = given.get("target")
        if isinstance(target, str) and Path(target).is_file():
            return f"two files, {path.name} and {Path(target).name}, that match line by line"
        if given.get("per_line") or not path.is_file() or not path.name.endswith(SUFFIXES):
            return None
        if target is not None:
            return "a target is given"
        rows = [line.split("\t") for line in first_lines(path) if line.strip()]
        pairs = [row for row in rows if len(row) == 2 and all(cell.strip() for cell in row)]
        if len(pairs) < max(1, 0.9 * len(rows) - 1):  # a bad line is reported later
            return None
        rows = pairs
        sources, targets = ({row[k].strip() for row in rows} for k in (0, 1))
        if len(rows) > 4 and min(len(sources), len(targets)) < len(rows) / 3:
            return None
        return "two texts in each line, with a tab between them"


# settings that may be changed each time a run is used
SEARCH = (
    "beam",
    "best",
    "length_penalty",
    "coverage_penalty",
    "temperature",
    "replace_unknown",
    "max_output",
)


def first_lines(path: Path) -> list[str]:
    """The first lines of a file; none where it cannot be read."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            lines = islice(file, LOOK)  # a line that is not UTF-8 is reported when the file is read
            return [line.decode(errors="replace").rstrip("\r\n") for line in lines]
    except (OSError, EOFError):
        return []
