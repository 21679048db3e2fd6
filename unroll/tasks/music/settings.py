"""What a person can set of a model of tunes, and which files look like its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from unroll.settings.recurrent import RecurrentSettings

ABC_FILES = (".abc", ".abc.gz")
MIDI_FILES = (".mid", ".midi")


class MusicSettings(RecurrentSettings):
    """A recurrent model of tunes, and the tunes that it learns."""

    flags: ClassVar[dict[str, str]] = {"valid": "FILE", "skip_bad": ""}

    valid: str | None = Field(
        None, description="Held-out tunes; left out, a tenth of the tunes, at most 5,000."
    )
    skip_bad: bool = Field(False, description="Leave bad records out, count and tell them.")
    transpose: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Share of the tunes that are read in another key each time, drawn as often as "
        "the keys come; 0: all as they stand.",
    )
    min_count: int = Field(
        2, ge=1, description="Rarer notes, chords and fields are spelled by characters."
    )
    longest: int = Field(
        4000,
        ge=16,
        description="Tokens that are learned in one go; longer tunes are read in parts.",
    )
    tie: bool = Field(False, description="Use the embedding as the softmax's weights.")
    dropout_input: float | None = Field(
        None, ge=0, lt=1, description="Locked dropout on the embeddings; left out, as dropout."
    )

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file or folder looks like tunes, or None."""
        if path.is_dir():
            names = [p.name.lower() for p in path.rglob("*") if p.is_file()]
            for kind, files in (("ABC", ABC_FILES), ("MIDI", MIDI_FILES)):
                count = sum(name.endswith(files) for name in names)
                if 2 * count > len(names):
                    return f"a folder with {count:,} files of {kind}"
            return None
        name = path.name.lower()
        if name.endswith(ABC_FILES):
            return "tunes in ABC"
        return "a tune in MIDI" if name.endswith(MIDI_FILES) else None
