"""What can be set of a language model, and what looks like its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.data.text import text_source
from unroll.settings.recurrent import RecurrentSettings

SUFFIXES = (".txt", ".text", ".md", ".gz", ".jsonl")
TABLES = (".tsv", ".csv")  # with --per-line


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
        None, description="Column of the text, or the field of a .jsonl (there: text)."
    )
    valid: str | None = Field(
        None, description="The text of the validation set; left out, the last tenth."
    )
    lower: bool = Field(False, description="Drop case (words).")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Split words at spaces, or also at punctuation; auto chooses by the text.",
    )
    end: Literal["line", "sentence"] = Field("line", description="Where <eos> is put (words).")
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer tokens become <unk>; left out, 1, or 2 for words of a text without <unk>.",
    )
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many tokens, the most frequent ones (bpe: 4096)."
    )
    # the batches
    state: Literal["carry", "reset"] = Field(
        "carry", description="Whether the state is carried from block to block."
    )
    block: int = Field(64, ge=1, description="Steps of backpropagation through time.")
    truncation: Literal["window", "overlapping", "randomised"] = Field(
        "window",
        description="How far gradients go back: window, to the start of the block; overlapping, k2 "
        "steps, every k1 steps; randomised, k2 steps on average, at random, without bias.",
    )
    k1: int | None = Field(
        None, ge=1, description="Steps between truncations; left out, a quarter of k2."
    )
    k2: int | None = Field(
        None, ge=1, description="Steps that a gradient goes back; left out, the block."
    )
    online: Literal["rtrl", "snap1"] | None = Field(
        None,
        description="Learn without backpropagation through time, step by step: rtrl, exact, for small "
        "networks; snap1, from the effect of each weight on its own unit alone.",
    )
    tie: bool | None = Field(
        None,
        description="Use the embedding as the weights of the softmax; left out, for words and bpe.",
    )
    dropout_input: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Locked dropout on the embeddings; left out, as dropout for words.",
    )

    @model_validator(mode="after")
    def condition_needs_lines(self) -> Self:
        if self.condition is not None and not self.per_line:
            raise ValueError("condition is given without per_line; add --per-line")
        return self

    @model_validator(mode="after")
    def truncation_fits(self) -> Self:
        if self.truncation == "window":
            if self.k1 is not None or self.k2 is not None:
                raise ValueError("k1 and k2 go with truncation=overlapping or randomised")
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
        if self.dropout or self.dropout_input:
            raise ValueError(f"{name} works without dropout; leave it out")
        if self.online == "snap1" and self.layers > 1:
            raise ValueError(f"{name} is for one layer (--layers 1); online=rtrl takes more")
        return self

    @property
    def reach(self) -> tuple[int, int]:
        """k1 and k2, with defaults for what was left out."""
        k2 = self.k2 or self.block
        return self.k1 or max(1, k2 // 4), k2

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
        endings = (*SUFFIXES, *(TABLES if given.get("per_line") else ()))
        return "a text" if path.name.endswith(endings) or not path.is_file() else None
