"""The settings of a model of tunes, and which files look like its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator

from unroll.data.files.forms import suffix_of
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import DropoutInput, TieEmbedding

ABC_FILES = (".abc", ".abc.gz")
MIDI_FILES = (".mid", ".midi")
FILE, FOLDER = "file", "folder"  # that tunes can be grouped by, beside fields of ABC


class MusicSettings(RecurrentSettings):
    """Settings of a recurrent model of tunes and of the tunes that it reads."""

    flags: ClassVar[dict[str, str]] = {"valid": "FILE", "by": "GROUP", "skip_bad": ""}

    valid: str | None = Field(
        None,
        description="File of the validation set. Default: a tenth of the tunes, at most 5,000.",
    )
    by: str | None = Field(
        None,
        description="What is held out whole: file, folder, or the letter of a field of ABC, such as C "
        "for composers. Default: single tunes.",
    )
    skip_bad: bool = Field(False, description="Skip bad tunes; they are counted and reported.")
    transpose: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Share of the tunes that are read in another key each time, drawn as often as "
        "the keys occur. 0: all tunes are read in their own key.",
    )
    min_count: int = Field(
        2, ge=1, description="Rarer notes, chords and fields are spelled by characters."
    )
    longest: int = Field(
        4000,
        ge=16,
        description="Most tokens of a sequence in training; longer tunes are split.",
    )
    tie: TieEmbedding = False
    dropout_input: DropoutInput = None

    @field_validator("by")
    @classmethod
    def check_by(cls, by: str | None) -> str | None:
        """Refuse what tunes cannot be grouped by.

        Raises:
            ValueError: where it is so.
        """
        is_field = by is not None and len(by) == 1 and by.isascii() and by.isalpha()
        if by not in (None, FILE, FOLDER) and not is_field:
            raise ValueError("expected file, folder, or the letter of a field of ABC, such as C")
        return by

    @property
    def ties_embedding(self) -> bool:
        return self.tie

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why a file or folder looks like tunes, or None.

        Args:
            path: the file or folder.
            given: the settings that were given, by name.
        """
        if path.is_dir():
            names = [p.name.lower() for p in path.rglob("*") if p.is_file()]
            for kind, files in (("ABC", ABC_FILES), ("MIDI", MIDI_FILES)):
                count = sum(name.endswith(files) for name in names)
                if 2 * count > len(names):
                    return f"a folder with {count:,} files of {kind}"
            return None
        suffix = suffix_of(path)
        if suffix == ".abc":
            return "tunes in ABC"
        return "a tune in MIDI" if suffix in MIDI_FILES else None

    @classmethod
    def guess_lines(cls, lines: Sequence[str]) -> str | None:
        """Why a text looks like tunes by its first lines; as for every task."""
        marks = [line[:2] for line in lines]
        return "tunes in ABC" if "X:" in marks and "K:" in marks[marks.index("X:") :] else None
