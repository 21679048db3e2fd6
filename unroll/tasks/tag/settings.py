"""The settings of a tagger, and which files look like its data; without torch."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unroll.settings.recurrent import RecurrentSettings

SUFFIXES = (".conll", ".conllu", ".conllx", ".conll2003", ".iob", ".iob2", ".bio", ".bioes")
LOOK = 400  # lines that a guess reads

# defaults of settings that are not given: chosen by short runs on the validation sets of
# ud_english_ewt and wnut17_ner
DEFAULTS = {
    "hidden": 200,
    "embedding": 100,
    "characters": 50,
    "batch_size": 32,
    "dropout": 0.4,
    "dropout_input": 0.3,
    "word_dropout": 0.5,
    "recall": 0.0,
    "learning_rate": 3e-3,
}
# for spans, which are few, and different in each text
SPAN_DEFAULTS = {"dropout": 0.5, "dropout_input": 0.5, "recall": 3.0, "average": 0.995}
SMALL_EPOCHS, SMALL_WORDS = 12, 4_000_000  # words that are read in so many epochs


class TagSettings(RecurrentSettings):
    """A tagger, and the sentences it learns from."""

    flags: ClassVar[dict[str, str]] = {"valid": "FILE", "skip_bad": ""}

    # the columns
    word: int | None = Field(
        None, ge=1, description="Column of the word, from 1. Default: the first (CoNLL-U: FORM)."
    )
    tag: str | None = Field(
        None,
        description="Column of the tag, from 1, or upos or xpos. Default: the last (CoNLL-U: "
        "upos).",
    )
    valid: str | None = Field(
        None, description="File of the validation set. Default: a tenth of the sentences."
    )
    skip_bad: bool = Field(False, description="Skip bad sentences; they are counted and reported.")
    longest: int | None = Field(
        200, ge=1, description="Most words of a sentence in training. none: no limit."
    )
    long: Literal["cut", "refuse"] = Field(
        "cut",
        description="What happens to longer sentences. cut: they are split; refuse: they are "
        "bad records.",
    )
    scheme: Literal["auto", "none", "BIO", "BIOES", "IOB1"] = Field(
        "auto",
        description="The scheme of tags that the network learns. auto: BIOES with a CRF, "
        "otherwise that of the file. none: tags as they stand, no spans. Predictions are always in "
        "the scheme of the file.",
    )
    # the words
    fold: bool = Field(True, description="Words that differ only by case or digits share a vector.")
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer words have no vector of their own. Default: 2 for spans, otherwise 1.",
    )
    vocabulary_size: int | None = Field(
        None,
        ge=1,
        description="Number of words, the most frequent ones, that have a vector. Default: all.",
    )
    vectors: str | None = Field(
        None,
        description="Text file of pretrained word vectors to start from, in the format of "
        "word2vec or GloVe.",
    )
    word_dropout: float | None = Field(
        None,
        ge=0,
        description="In training a word that occurs n times becomes unknown with probability "
        f"word_dropout / (word_dropout + n). Default: {DEFAULTS['word_dropout']}.",
    )
    # the network
    characters: int | None = Field(
        None,
        ge=0,
        description="Units, in each direction, of the layer that reads the letters of a word. 0: "
        f"letters are not read. Default: {DEFAULTS['characters']}.",
    )
    output: Literal["crf", "softmax"] | None = Field(
        None,
        description="How tags are chosen. crf: all tags of a sentence together; softmax: each "
        "tag alone. Default: crf for spans, otherwise softmax.",
    )
    recall: float | None = Field(
        None,
        ge=0,
        description="Additional cost of a missed span in training, in nats. A higher value "
        f"finds more spans, and more wrong ones. Default: {SPAN_DEFAULTS['recall']:g} for "
        "spans, otherwise 0.",
    )
    dropout_input: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Locked dropout on the inputs of the first layer. Default: "
        f"{SPAN_DEFAULTS['dropout_input']} for spans, otherwise {DEFAULTS['dropout_input']}.",
    )

    @field_validator("tag", mode="before")
    @classmethod
    def a_column(cls, tag: Any) -> Any:
        """A number from 1 as a word, or upos or xpos in lower case.

        Raises:
            ValueError: where it is neither.
        """
        if tag is None:
            return None
        word = str(tag).lower()
        if word not in ("upos", "xpos") and not (word.isdecimal() and int(word) >= 1):
            raise ValueError("expected a number from 1, upos or xpos")
        return word

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like words with tags, or None; as for every task.

        Args:
            path: the file.
            given: the settings that were given; those that only this task has are a reason.
        """
        own = {"tag", "word", "scheme"} & {key for key, value in given.items() if value is not None}
        name = path.name.removesuffix(".gz")
        if name.endswith(SUFFIXES):
            return "words with tags in columns"
        if own and path.is_file():
            return f"{sorted(own)[0]} is set, which only a tagger has"
        if name.endswith((".txt", ".tsv")) and in_columns(first_lines(path)):
            return "words with tags in columns, and blank lines between sentences"
        return None


def first_lines(path: Path) -> list[str]:
    """The first lines of a file, packed or not; none where it cannot be read."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\r\n") for line in islice(file, LOOK)]
    except (OSError, EOFError):
        return []


def in_columns(head: list[str]) -> bool:
    """Whether lines look like columns: rows of one width, blank lines between, tags that repeat."""
    rows = [line for line in head if line.strip() and not line.startswith(("#", "-DOCSTART-"))]
    if len(rows) < 2 or all(line.strip() for line in head):
        return False
    cells = [line.split("\t") if "\t" in rows[0] else line.split() for line in rows]
    tags = {row[-1] for row in cells}
    return (
        len(cells[0]) > 1
        and all(len(row) == len(cells[0]) and " " not in row[-1] for row in cells)
        and len(tags) < len(rows)
    )
