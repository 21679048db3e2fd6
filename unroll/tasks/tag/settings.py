"""What a person can set of a tagger, and which files look like its data."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unroll.settings.recurrent import RecurrentSettings


class TagSettings(RecurrentSettings):
    """A tagger and the sentences it learns from."""

    flags: ClassVar[dict[str, str]] = {"valid": "FILE", "skip_bad": ""}

    # the columns
    word: int | None = Field(
        None, ge=1, description="Column of the word, from 1; left out, the first (CoNLL-U: FORM)."
    )
    tag: str | None = Field(
        None,
        description="Column of the tag, from 1, or upos or xpos; left out, the last (CoNLL-U: upos).",
    )
    valid: str | None = Field(None, description="Held-out sentences; left out, a tenth of them.")
    skip_bad: bool = Field(False, description="Leave bad sentences out, and count them.")
    longest: int | None = Field(
        200, ge=1, description="Words of a sentence in training; none: any number."
    )
    long: Literal["cut", "refuse"] = Field(
        "cut", description="Longer sentences are learned in pieces (cut), or are bad (refuse)."
    )
    scheme: Literal["auto", "BIO", "BIOES", "IOB1"] = Field(
        "auto",
        description="How the network sees spans; auto: BIOES with a CRF, else as the file has them. "
        "Answers are always in the file's own scheme.",
    )
    # the words
    fold: bool = Field(
        True, description="Words that differ by case or digits alone share a vector."
    )
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer words have no vector of their own; left out, 2 for spans, else 1.",
    )
    vocabulary_size: int | None = Field(
        None, ge=1, description="Only this many of the commonest words have a vector."
    )
    vectors: str | None = Field(
        None, description="Pretrained word vectors to start from: a text file of word2vec or GloVe."
    )
    word_dropout: float | None = Field(
        None,
        ge=0,
        description="A word seen n times is made unknown with probability word_dropout / "
        "(word_dropout + n); left out, the task's own.",
    )
    # the network
    characters: int | None = Field(
        None,
        ge=0,
        description="Units, in each direction, of the layer that reads the letters of a word; 0: no "
        "such layer; left out, the task's own.",
    )
    output: Literal["crf", "softmax"] | None = Field(
        None,
        description="Labels of a sentence together (crf) or each alone (softmax); left out, crf for "
        "spans.",
    )
    recall: float | None = Field(
        None,
        ge=0,
        description="How much more a missed span costs in training: higher finds more spans, and "
        "more wrong ones; left out, the task's own.",
    )
    dropout_input: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout on what the first layer reads."
    )

    @field_validator("tag", mode="before")
    @classmethod
    def a_column(cls, tag: Any) -> Any:
        if tag is None:
            return None
        word = str(tag).lower()
        if word not in ("upos", "xpos") and not (word.isdecimal() and int(word) >= 1):
            raise ValueError("expected a number from 1, upos or xpos")
        return word

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like words with tags, or None.

        given: settings that were given; those of this task alone speak for it.
        """
        own = {"tag", "word", "scheme"} & {key for key, value in given.items() if value is not None}
        name = path.name.removesuffix(".gz")
        if name.endswith(SUFFIXES):
            return "words with a tag each, in columns"
        if own and path.is_file():
            return f"{sorted(own)[0]} is set, which only a tagger has"
        if name.endswith((".txt", ".tsv")) and in_columns(first_lines(path)):
            return "words with a tag each, in columns, and blank lines between sentences"
        return None


SUFFIXES = (".conll", ".conllu", ".conllx", ".conll2003", ".iob", ".iob2", ".bio", ".bioes")
LOOK = 400  # lines


def first_lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\r\n") for line in islice(file, LOOK)]
    except (OSError, EOFError):
        return []


def in_columns(head: list[str]) -> bool:
    """Whether lines look like columns: rows as wide, blank ones among them, tags that recur."""
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
