"""What a person can set of a translator, and which files look like pairs."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from unroll.settings.recurrent import RecurrentSettings

LOOK = 200  # lines that a guess looks at
SUFFIXES = (".tsv", ".txt", ".tsv.gz", ".txt.gz")


class TranslateSettings(RecurrentSettings):
    """An encoder, a decoder with attention, and the pairs that they learn."""

    # the pairs
    source: str | None = Field(
        None, description="Column of the source, by number from 1 or by name; left out, 1."
    )
    target: str | None = Field(
        None,
        description="Column of the target (left out, 2), or a second file that goes line by line "
        "with the first.",
    )
    valid: str | None = Field(
        None, description="Held-out pairs; left out, a tenth of the different sources."
    )
    valid_target: str | None = Field(
        None, description="The second file of the held-out pairs, where target is a file."
    )
    skip_bad: bool = Field(False, description="Leave bad records out, count them and go on.")
    max_length: int | None = Field(
        None, ge=1, description="Longest source and target, in tokens; left out, any."
    )
    too_long: Literal["refuse", "cut", "leave_out"] = Field(
        "refuse", description="What happens to longer ones."
    )
    # the tokens
    level: Literal["word", "bpe", "char"] = Field("bpe", description="What a token is.")
    joint: bool = Field(
        False, description="One vocabulary and one embedding for both sides, else one for each."
    )
    vocabulary_size: int | None = Field(
        None,
        ge=2,
        description="Keep this many of the commonest tokens of a side; bpe: 2000 to "
        "8000, by how much there is.",
    )
    min_count: int | None = Field(
        None, ge=1, description="Rarer tokens become <unk>; left out, 2, or 1 for characters."
    )
    lower: bool = Field(False, description="Drop case (words).")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Where words end: at spaces, or also at punctuation; auto looks at the text.",
    )
    # the network
    encoder_hidden: int | None = Field(
        None, ge=1, description="Units of the encoder, each direction; left out, half of hidden."
    )
    attention: Literal["dot", "general", "additive"] = Field(
        "general", description="How a step of the decoder looks for a place of the source."
    )
    coverage: bool = Field(
        False, description="The attention knows where earlier steps have looked; slower."
    )
    input_feeding: bool = Field(
        False, description="The decoder reads what the step before came to; several times slower."
    )
    tie: bool = Field(True, description="Use the target's embedding as the softmax's weights.")
    dropout_input: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout on the embeddings; left out, as dropout."
    )
    word_dropout: float | None = Field(
        None, ge=0, lt=1, description="Share of tokens that are unknown ones in training."
    )
    # the training
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of each target that is spread over all tokens."
    )
    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the decoder's inputs that are the true ones, the others its own; "
        "reached linearly from 1.",
    )
    forcing_epochs: int = Field(
        10, ge=1, description="Epochs until that share of true inputs is reached."
    )
    # the search
    beam: int = Field(5, ge=1, description="Width of the beam; 1 takes the likeliest each time.")
    best: int = Field(1, ge=1, description="Translations to give of each source, at most beam.")
    length_penalty: float = Field(
        1.0, ge=0, description="Power of the length that a log-probability is divided by."
    )
    coverage_penalty: float = Field(
        0.0, ge=0, description="Weight of what the attention has left out of the source."
    )
    temperature: float | None = Field(
        None, ge=0, description="Draw a translation at this temperature, instead of a beam."
    )
    replace_unknown: bool = Field(
        True, description="Put the source's word, found by the attention, for an unknown one."
    )
    max_output: int | None = Field(
        None, ge=1, description="Most tokens of a translation; left out, the longest one learned."
    )

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if self.lower and self.level != "word":
            raise ValueError(f"lower is for words, and level is {self.level}")
        if self.best > self.beam:
            raise ValueError(
                f"best={self.best} translations need a beam as wide; it is {self.beam}"
            )
        if self.valid_target is not None and self.valid is None:
            raise ValueError("valid_target is given without valid")
        return self

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like pairs of texts, or None.

        Two columns with a tab, the second as various as the first: a column of labels is not.
        """
        target = given.get("target")
        if isinstance(target, str) and Path(target).is_file():
            return f"two files, {path.name} and {Path(target).name}, that go line by line"
        if given.get("per_line") or not path.is_file() or not path.name.endswith(SUFFIXES):
            return None
        if target is not None:
            return "a target is given"
        rows = [line.split("\t") for line in first_lines(path) if line.strip()]
        pairs = [row for row in rows if len(row) == 2 and all(cell.strip() for cell in row)]
        if len(pairs) < max(1, 0.9 * len(rows) - 1):  # a bad line is told later
            return None
        rows = pairs
        sources, targets = ({row[k].strip() for row in rows} for k in (0, 1))
        if len(rows) > 4 and min(len(sources), len(targets)) < len(rows) / 3:
            return None
        return "each line two texts with a tab between"


# what may be changed for each use of a run
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
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            lines = islice(file, LOOK)  # one that is not UTF-8 is told when the file is read
            return [line.decode(errors="replace").rstrip("\r\n") for line in lines]
    except (OSError, EOFError):
        return []
