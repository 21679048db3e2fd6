"""The settings of a classifier, and which files look like its data; without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.data.columns import LABELS, TEXTS, find_columns, looks_like_time
from unroll.data.files.forms import LABEL_MARK, find_form, suffix_of
from unroll.data.first_rows import is_table, sampled_rows
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import (
    CellName,
    ClassSmoothing,
    ClassWeights,
    DropoutInput,
    LowerTexts,
    Readout,
    SkipBad,
    WordSplit,
)

ENOUGH = 20  # rows from which on labels repeat
RECORD_SUFFIXES = (".txt", ".csv", ".tsv")  # of a folder for each class

# defaults of settings that are not given: chosen by short runs on validation sets taken from the
# training data of two sets (reviews, 77 intents)
HIDDEN, EMBEDDING = 128, {"word": 128, "char": 64, "bpe": 128}
DROPOUT, BATCH_SIZE = 0.5, 32
LEARNING_RATES = {"adamw": 2e-3, "sgd": 0.1}
# a network overfits small data when it trains on it for minutes
SMALL_EPOCHS, SMALL_STEPS = 16, 4_000_000  # steps of sequences that are read in so many epochs
ARRAY_SUFFIXES = (".npz", ".npy")


class ClassifySettings(RecurrentSettings):
    """A recurrent classifier of texts or of sequences of numbers, and its data."""

    flags: ClassVar[dict[str, str]] = {
        "level": "",
        "text": "COLUMN",
        "label": "COLUMN",
        "by": "COLUMN",
        "valid": "FILE",
        "skip_bad": "",
        "lower": "",
        "readout": "",
    }

    # the data
    level: Literal["word", "char", "bpe"] = Field("word", description="What a token is.")
    text: str | None = Field(
        None,
        description="Column (or field) of the text, by name or by number from 1. Default: guessed.",
    )
    label: str | None = Field(
        None,
        description="Column (or field) of the label, by name or by number from 1. Default: "
        "guessed.",
    )
    separator: str | None = Field(
        None,
        description="What separates several labels of one text, such as --set separator='|'.",
    )
    id: str | None = Field(
        None,
        description="Column that names the sequence of each row, where one table holds "
        "sequences of numbers.",
    )
    columns: str | None = Field(
        None,
        description="Columns of the numbers, for sequences of numbers, separated by commas. "
        "Default: all other columns.",
    )
    by: str | None = Field(
        None,
        description="Column of the group of a record, such as its speaker; the validation set is a "
        "tenth of the groups, and none of them is in the training set.",
    )
    valid: str | None = Field(
        None,
        description="File of the validation set. Default: a tenth of the records, at most 5,000.",
    )
    skip_bad: SkipBad = False
    lower: LowerTexts = True
    split: WordSplit = "auto"
    min_count: int = Field(1, ge=1, description="Rarer tokens become <unk>.")
    vocabulary_size: int | None = Field(
        None,
        ge=3,
        description="Keep this many of the most frequent tokens. Default: all; for bpe 4096.",
    )
    longest: int | None = Field(
        None,
        ge=1,
        description="Most steps of a sequence that are read. Default: 400 words or characters, or 4,000 "
        "rows of numbers.",
    )
    too_long: Literal["cut", "refuse"] = Field(
        "cut",
        description="What happens to longer sequences. cut: they are truncated; refuse: they "
        "are bad records.",
    )
    # the network
    cell: CellName = "gru"
    bidirectional: bool = Field(True, description="Read each sequence in both directions.")
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        "max",
        description="How the outputs of all steps become one vector. last: the last step of "
        "each direction.",
    )
    dropout_input: DropoutInput = None
    word_dropout: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of tokens that training replaces by <unk>.",
    )
    counts: bool | None = Field(
        None,
        description="Add naive Bayes scores of words and word pairs to the network's scores. "
        "Default: yes for words and pieces of words where floor=none, else no.",
    )
    attributions: bool = Field(
        False,
        description="Predict also which words, or which rows of numbers, speak for the label.",
    )
    readout: Readout = "gradient"
    class_weights: ClassWeights = "none"
    label_smoothing: ClassSmoothing = 0.1

    @model_validator(mode="after")
    def closed_form_has_no_weights(self) -> Self:
        """Refuse what a ridge read-out cannot use.

        Raises:
            ValueError: where a ridge read-out is given with `class_weights` or `counts`.
        """
        if self.readout == "ridge" and self.class_weights != "none":
            raise ValueError("readout=ridge is given with class_weights; expected one of them")
        if self.readout == "ridge" and self.counts:
            raise ValueError("readout=ridge is given with counts; expected one of them")
        return self

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why the data at `path` looks like texts or sequences with labels, or None.

        Args:
            path: a file or folder.
            given: the settings that were given by name.

        Raises:
            UserError: where a column was named that the file does not have.
        """
        if path.is_file() and path.suffix.lower() in ARRAY_SUFFIXES:
            return "sequences of numbers with labels, in arrays"
        if given.get("label") is not None or given.get("id") is not None:
            return "records with a label, by the settings"
        if path.is_dir():
            return folder_reason(path)
        if not is_table(path):
            return None
        text = given.get("text")
        try:
            rows, names = sampled_rows(path)
        except (UserError, OSError):
            return None
        if find_form(path, str(path)).kind == "labelled lines":
            return f"lines that begin with {LABEL_MARK}, as fastText writes them"
        known = names if names is not None else rows[0] if rows else ()
        if text is not None and text not in known and not text.isdigit():
            find_columns(rows, path.name, text, names=names)  # raises what is there instead
        is_json = find_form(path, str(path)).kind.startswith("json")
        if is_json and not {name.lower() for name in names or ()} & set(LABELS):
            return None  # texts with a field of something else, more likely
        return cls.guess_rows(rows, names, path, text=text)

    @classmethod
    def guess_rows(
        cls,
        rows: Sequence[Sequence[str]],
        names: Sequence[str] | None,
        path: Path,
        *,
        text: str | None = None,
    ) -> str | None:
        """Why a table looks like texts with labels by its rows; as for every task. text: its column."""
        try:
            found = find_columns(rows, path.name, text, names=names)
        except (UserError, IndexError):
            return None
        if found.text is None or found.label is None:
            return None
        body = [row for row in rows[found.header :] if len(row) == len(found.names)]
        words = [len(row[found.text].split()) for row in body]
        if 2 * sum(looks_like_time(row[found.text]) for row in body) > len(body):
            return None
        if found.names[found.text].lower() not in TEXTS and sum(words) < 2 * len(words):
            return None  # dates, names, numbers
        kinds = len({row[found.label] for row in body})
        if len(body) > ENOUGH and kinds > len(body) / 2:
            return None  # two texts in each row
        return (
            f"a table with a text (column {found.names[found.text]}) and a label (column "
            f"{found.names[found.label]}, {kinds} different values in {len(body)} rows)"
        )


def folder_reason(path: Path) -> str | None:
    """A folder of folders, each with the texts (or the tables of numbers) of one class."""
    inside = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
    folders = [p for p in inside if p.is_dir()]
    if len(folders) < 2 or any(suffix_of(p) in RECORD_SUFFIXES for p in inside):
        return None
    if any(
        sum(suffix_of(p) in RECORD_SUFFIXES for p in folder.iterdir()) < 2 for folder in folders
    ):
        return None
    return f"a folder for each of {len(folders)} classes"
