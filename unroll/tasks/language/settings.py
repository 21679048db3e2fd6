"""What can be set of a language model, and what looks like its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from unroll.data.files.forms import PACKED_SUFFIXES, USUAL_SEPARATORS, suffix_of
from unroll.data.first_rows import is_table
from unroll.data.text import JSON_LINES, TEXT_SUFFIXES, holds_json, text_source
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import LowerWords, WordSplit

SUFFIXES = (*TEXT_SUFFIXES, *JSON_LINES)


class LanguageSettings(RecurrentSettings):
    """A recurrent language model and its text."""

    flags: ClassVar[dict[str, str]] = {
        "level": "",
        "per_line": "",
        "condition": "COLUMN",
        "text": "COLUMN",
        "valid": "FILE",
        "lower": "",
        "state": "",
    }

    # the text
    level: Literal["char", "word", "bpe"] = Field("char", description="What a token is.")
    per_line: bool = Field(False, description="Each line is a sequence.")
    condition: str | None = Field(
        None, description="Column of the category, by number from 1 or by name; with per_line."
    )
    text: str | None = Field(
        None,
        description="Column of the text, or field of a .jsonl. Default: guessed; in a "
        ".jsonl the field text.",
    )
    valid: str | None = Field(
        None,
        description="File of the validation set. Default: the last tenth of the text; with "
        "per_line every tenth line; less of a long text (valid_size).",
    )
    valid_size: int | None = Field(
        None,
        ge=0,
        description="Most characters of a validation set that is a part of the text; 0: nothing is held "
        "out, and the validation set is the training set. Default: 40000, of words and bpe 200000; 0 of a "
        "text below 1000 characters or 20 lines.",
    )
    lower: LowerWords = False
    split: WordSplit = "auto"
    end: Literal["line", "sentence"] = Field(
        "line",
        description="Where <eos> is inserted in a text of words: at the end of each line or "
        "sentence.",
    )
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer tokens become <unk>. Default: 1; 2 for words of a text without <unk>.",
    )
    vocabulary_size: int | None = Field(
        None,
        ge=2,
        description="Keep this many of the most frequent tokens. Default: all; for bpe 4096.",
    )
    unknown: Literal["auto", "token", "never", "skip"] = Field(
        "auto",
        description="What tokens are that the text does not have. token: <unk>; never: the vocabulary is "
        "closed, and they are refused; skip: closed, and they are left out. auto: never for characters of "
        "a text below 10000, and where nothing is held out; else token.",
    )
    input: Literal["embedding", "onehot"] = Field(
        "embedding",
        description="What the network reads of a token. embedding: a vector that is learned; onehot: a "
        "vector of zeros with a one at the token, for small alphabets.",
    )
    # the batches
    state: Literal["carry", "reset"] = Field(
        "carry",
        description="carry: the state continues from block to block; reset: each block starts "
        "from zeros.",
    )
    block: int = Field(64, ge=1, description="Steps of backpropagation through time.")
    truncation: Literal["window", "overlapping", "randomised"] = Field(
        "window",
        description="How far gradients go back. window: to the start of the block; "
        "overlapping: k2 steps, every k1 steps; randomised: k2 steps on average, at random, "
        "without bias.",
    )
    k1: int | None = Field(
        None, ge=1, description="Steps between truncations. Default: a quarter of k2."
    )
    k2: int | None = Field(
        None, ge=1, description="Steps that a gradient goes back. Default: the same as block."
    )
    online: Literal["rtrl", "snap1"] | None = Field(
        None,
        description="Learn step by step, without backpropagation through time. rtrl: exact, "
        "for small networks; snap1: approximate, from the effect of each weight on its own "
        "unit alone.",
    )
    tie: bool | None = Field(
        None,
        description="Use the embedding as the weights of the softmax too. Default: true for "
        "words and bpe, false for characters.",
    )
    dropout_input: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Locked dropout on the embeddings. Default: the same as dropout for words, "
        "otherwise 0.",
    )
    restarts: bool | None = Field(
        None,
        description="With every block one of the parallel streams begins with an empty state, in turn, "
        "so that the network learns to begin anywhere. Default: true for words in streams.",
    )
    weight_drop: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout of the recurrent weights (DropConnect), of cells that have weight_hh. "
        "Default: for words, by how often the run reads the text; otherwise 0.",
    )
    shortlist: int | None = Field(
        None,
        ge=1,
        description="Words that the network tells apart, the most frequent; the rest share one place "
        "of its softmax, and the n-grams tell them apart. Default: those that the run reads often "
        "enough.",
    )

    @model_validator(mode="after")
    def condition_needs_lines(self) -> Self:
        """Refuse `condition` without `per_line`.

        Raises:
            ValueError: where it is so.
        """
        if self.condition is not None and not self.per_line:
            raise ValueError("condition is given without per_line; add --per-line")
        return self

    @model_validator(mode="after")
    def closed_vocabulary_fits(self) -> Self:
        """Refuse a closed vocabulary of bpe, and one that leaves tokens out.

        Raises:
            ValueError: where it is so.
        """
        if self.unknown not in ("never", "skip"):
            return self
        if self.level == "bpe":
            raise ValueError(
                f"unknown={self.unknown} is for characters and words; bpe can write every text"
            )
        if self.min_count not in (None, 1) or self.vocabulary_size is not None:
            raise ValueError(
                f"unknown={self.unknown} keeps every token; leave min_count and vocabulary_size out"
            )
        return self

    @model_validator(mode="after")
    def input_fits(self) -> Self:
        """Refuse settings of an embedding where there is none.

        Raises:
            ValueError: where it is so.
        """
        has_embedding = self.embedding is not None or self.tie or self.shortlist is not None
        if self.input == "onehot" and has_embedding:
            raise ValueError(
                "input=onehot has no embedding; expected neither embedding, tie nor shortlist"
            )
        return self

    @model_validator(mode="after")
    def restarts_fit(self) -> Self:
        """Refuse restarts where no state is carried from block to block.

        Raises:
            ValueError: where it is so.
        """
        if self.restarts and not self.can_restart:
            raise ValueError(
                "restarts is for streams whose state is carried, with truncation=window and without online"
            )
        return self

    @model_validator(mode="after")
    def shortlist_fits(self) -> Self:
        """Refuse a shortlist of what is not words, or without n-grams that know the rest.

        Raises:
            ValueError: where it is so.
        """
        if self.shortlist is not None and self.level != "word":
            raise ValueError("shortlist is for words; add --level word, or leave it out")
        if self.shortlist is not None and self.floor == "none":
            raise ValueError("shortlist needs the n-grams, which floor=none leaves out")
        return self

    @model_validator(mode="after")
    def truncation_fits(self) -> Self:
        """Refuse settings that do not fit the truncation.

        Raises:
            ValueError: where k1 or k2 has no effect, k1 exceeds k2, or the state is not carried.
        """
        if self.truncation == "window":
            if self.k1 is not None or self.k2 is not None:
                raise ValueError("k1 and k2 need truncation=overlapping or truncation=randomised")
            return self
        if self.per_line or self.state == "reset":
            raise ValueError(
                f"truncation={self.truncation} is for one long text whose state is carried"
            )
        k1, k2 = self.reach
        if k1 > k2:
            raise ValueError(f"k1={k1} is more than k2={k2}; expected at most as much")
        return self

    @model_validator(mode="after")
    def online_fits(self) -> Self:
        """Refuse settings that do not fit learning step by step.

        Raises:
            ValueError: where the state is not carried, a setting has no effect, there is dropout,
                or snap1 has more than one layer.
        """
        if self.online is None:
            return self
        name = f"online={self.online}"
        if self.per_line or self.state == "reset":
            raise ValueError(f"{name} is for one long text whose state is carried")
        if self.truncation != "window":
            raise ValueError(
                f"{name} has no gradient that goes back, so truncation={self.truncation} has no effect"
            )
        if self.memory is not None or self.segment_length is not None:
            raise ValueError(f"{name} stores no steps, so memory and segment_length have no effect")
        if self.start != "zeros":
            raise ValueError(f"{name} starts from zeros, so start={self.start} has no effect")
        if self.dropout or self.dropout_input or self.weight_drop:
            raise ValueError(
                f"{name} works without dropout; expected neither dropout, dropout_input nor "
                "weight_drop"
            )
        if self.online == "snap1" and self.layers > 1:
            raise ValueError(f"{name} is for one layer (--layers 1); online=rtrl supports more")
        return self

    # the sizes that were left open and have the numbers of a usual text
    _usual_sizes: frozenset[str] = PrivateAttr(frozenset())

    @property
    def usual_sizes(self) -> frozenset[str]:
        """The names of sizes that were left open, and are those of a usual text."""
        return self._usual_sizes

    def with_usual_sizes(self, sizes: dict[str, Any], left_open: set[str]) -> Self:
        """The same settings with sizes, of which those that were left open fit a usual text."""
        copied = self.model_copy(update=sizes)
        copied._usual_sizes = frozenset(left_open)
        return copied

    @property
    def reach(self) -> tuple[int, int]:
        """k1 and k2, with their defaults."""
        k2 = self.k2 or self.block
        return self.k1 or max(1, k2 // 4), k2

    @property
    def can_restart(self) -> bool:
        """Whether there are streams whose state is carried from block to block."""
        carried = self.state == "carry" and not self.per_line
        return carried and self.truncation == "window" and self.online is None

    @property
    def ties_embedding(self) -> bool:
        return bool(self.tie)

    @classmethod
    def check_path(cls, path: str) -> None:
        if path != "-":
            text_source(path)

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like a text to model, or None; a table does where lines are sequences."""
        if str(path) == "-":
            return "standard input is read as a text"
        if path.is_dir():
            return "a folder of texts"
        if not path.is_file():
            return "a text"
        suffix = suffix_of(path)
        field = str(given.get("text") or "text")
        if suffix in SUFFIXES or holds_json(path, str(path), field):
            return "a text"
        if given.get("per_line") and (suffix in USUAL_SEPARATORS or is_table(path)):
            return "a text"
        return "a text" if path.suffix.lower() in PACKED_SUFFIXES and not is_table(path) else None
