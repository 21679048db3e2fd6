"""Settings of a translator, and which files look like pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.data.files.forms import suffix_of
from unroll.data.first_rows import first_lines, first_rows, is_table
from unroll.errors import UserError
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
from unroll.tasks.translate.pair_columns import find_pair_columns, named_pair

SUFFIXES = (".tsv", ".txt")
FEWEST = 5  # lines of three and more columns that tell that the first two are texts


class TranslateSettings(RecurrentSettings):
    """Settings of an encoder, a decoder with attention, and the pairs that they learn."""

    flags: ClassVar[dict[str, str]] = {
        "target": "COLUMN",
        "by": "COLUMN",
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
    by: str | None = Field(
        None,
        description="Column of the group of a pair, such as its document; the validation set is a "
        "tenth of the groups, and none of them is in the training set.",
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
        if given.get("per_line") or not path.is_file():
            return None
        if target is not None:
            return "a target is given" if suffix_of(path) in SUFFIXES or is_table(path) else None
        if suffix_of(path) in SUFFIXES and (why := cls.guess_lines(first_lines(path))) is not None:
            return why
        if not is_table(path) or suffix_of(path) == ".tsv":
            return None
        try:
            rows, names = first_rows(path)
        except UserError:
            return None
        if names is None and rows and all(len(row) == 2 and all(row) for row in rows):
            if are_pairs([(row[0], row[1]) for row in rows], with_words=True):
                return "two texts in each row"
        return cls.guess_rows(rows, names, path)

    @classmethod
    def guess_lines(cls, lines: Sequence[str]) -> str | None:
        """Why a text looks like pairs by its first lines; as for every task.

        Columns after the second are of any kind: attributions, numbers of sentences.
        """
        rows = [line.split("\t") for line in lines if line.strip()]
        widths = [len(row) for row in rows]
        width = max(widths, key=widths.count, default=0)
        pairs = [row for row in rows if len(row) == width and row[0].strip() and row[1:2] != [""]]
        if width < 2 or len(pairs) < max(1, 0.9 * len(rows) - 1):  # a bad line is reported later
            return None
        if not are_pairs([(row[0], row[1]) for row in pairs], with_words=width > 2):
            return None
        others = f"; columns after them ({width - 2}) are not read" if width > 2 else ""
        return f"two texts in each line, with a tab between them{others}"

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like pairs by the names of its columns; as for every task."""
        found = find_pair_columns(rows, names, str(path))
        if found is None:
            return None
        words = [found.names[k] for k in (found.source, found.target)]
        if found.nested is None and named_pair(words) is None:
            return None
        return f"two texts in each row, {words[0]} and {words[1]}"


def are_pairs(pairs: Sequence[tuple[str, str]], *, with_words: bool) -> bool:
    """Whether both columns have many different values; a column of labels repeats a few.

    Args:
        pairs: the cells of the two columns.
        with_words: whether most must be texts of several words, in a few pairs at least.
    """
    sources, targets = ({pair[k].strip() for pair in pairs} for k in (0, 1))
    if len(pairs) > 4 and min(len(sources), len(targets)) < len(pairs) / 3:
        return False
    texts = sum(all(" " in cell.strip() and has_letter(cell) for cell in pair) for pair in pairs)
    return not with_words or (len(pairs) >= FEWEST and 2 * texts > len(pairs))


def has_letter(cell: str) -> bool:
    """Whether a cell holds a letter of any script."""
    return any(map(str.isalpha, cell))


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
