"""What a person can set of a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.data.text import text_source
from unroll.settings.recurrent import RecurrentSettings

SUFFIXES = (".txt", ".text", ".md", ".gz", ".jsonl")
TABLES = (".tsv", ".csv")  # with --per-line


class LanguageSettings(RecurrentSettings):
    """A recurrent language model and the text it learns."""

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
    per_line: bool = Field(False, description="Each line its own sequence.")
    condition: str | None = Field(
        None, description="Column of the category, by number from 1 or by name; with per_line."
    )
    text: str | None = Field(
        None, description="Column of the text, or the field of a .jsonl (there: text)."
    )
    valid: str | None = Field(None, description="A held-out text; left out, the last tenth.")
    lower: bool = Field(False, description="Drop case (words).")
    split: Literal["auto", "spaces", "punctuation"] = Field(
        "auto",
        description="Where words end: at spaces, or also at punctuation; auto looks at the text.",
    )
    end: Literal["line", "sentence"] = Field("line", description="Where <eos> stands (words).")
    min_count: int | None = Field(
        None,
        ge=1,
        description="Rarer tokens become <unk>; left out, 1, or 2 for words of a text without <unk>.",
    )
    vocabulary_size: int | None = Field(
        None, ge=2, description="Keep this many of the commonest tokens (bpe: 4096)."
    )
    # the batches
    state: Literal["carry", "reset"] = Field(
        "carry", description="Whether the state goes on from block to block."
    )
    block: int = Field(64, ge=1, description="Steps of backpropagation through time.")
    truncation: Literal["window", "overlapping", "randomised"] = Field(
        "window",
        description="How far gradients go back: window, to the start of the block; overlapping, k2 "
        "steps every k1; randomised, by chance k2 steps on average, without a bias.",
    )
    k1: int | None = Field(
        None, ge=1, description="Steps between truncations; left out, a quarter of k2."
    )
    k2: int | None = Field(
        None, ge=1, description="Steps that a gradient goes back; left out, the block."
    )
    online: Literal["rtrl", "snap1"] | None = Field(
        None,
        description="Learn without going back, step by step as the text is read: rtrl, exactly, for "
        "small networks; snap1, of what a weight does to its own unit alone.",
    )
    tie: bool | None = Field(
        None, description="Use the embedding as the softmax's weights; left out, for words and bpe."
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
                f"{name} goes back nowhere, so truncation={self.truncation} is in vain"
            )
        if self.memory is not None or self.segment_length is not None:
            raise ValueError(f"{name} keeps no steps, so memory and segment_length are in vain")
        if self.dropout or self.dropout_input:
            raise ValueError(f"{name} goes without dropout; leave it out")
        if self.online == "snap1" and self.layers > 1:
            raise ValueError(f"{name} is for one layer (--layers 1); online=rtrl takes more")
        return self

    @property
    def reach(self) -> tuple[int, int]:
        """k1 and k2, with what was left out."""
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
