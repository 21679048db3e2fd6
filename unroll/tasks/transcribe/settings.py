"""What a person can set of a recogniser of speech and writing, and which tables look like its data."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from unroll.data.first_rows import LINES, TABLES, first_rows
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings

SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus")
KINDS = ("audio", "image", "strokes")


class TranscribeSettings(RecurrentSettings):
    """A recogniser of sounds, lines of writing or strokes of a pen, and what it learns from."""

    # the data
    audio: str | None = Field(
        None, description="Column of the sound's path, by name or number; left out, guessed."
    )
    image: str | None = Field(
        None, description="Column of the path of an image of a line of writing."
    )
    strokes: str | None = Field(
        None, description="Column of the path of a pen's strokes: rows of x, y, pen."
    )
    text: str | None = Field(
        None, description="Column of what is said or written; left out, guessed."
    )
    speaker: str | None = Field(
        None, description="Column that names the speaker; each speaker's features get one scale."
    )
    valid: str | None = Field(
        None, description="Held-out data; left out, a tenth of the records, at most 5,000."
    )
    skip_bad: bool = Field(False, description="Leave bad records out, count and tell them.")
    lower: bool = Field(False, description="Drop case.")
    units: Literal["auto", "char", "word"] = Field(
        "auto",
        description="What is recognised one by one; auto: words where there are few different "
        "ones that come often, else characters.",
    )
    # what is heard
    rate: int | None = Field(
        None, ge=1000, description="Samples a second; left out, the files' own, at most 16,000."
    )
    bands: int = Field(40, ge=8, description="Bands of the mel scale.")
    window: float = Field(0.025, gt=0, le=1, description="Seconds that a frame hears.")
    hop: float = Field(0.01, gt=0, le=1, description="Seconds from frame to frame.")
    deltas: int = Field(
        0, ge=0, le=2, description="1: how features change is read too; 2: also how that changes."
    )
    normalise: Literal["auto", "utterance", "speaker", "corpus"] = Field(
        "auto",
        description="Over what each band gets mean 0 and deviation 1; auto: speaker where there is "
        "such a column, corpus where streaming, else utterance.",
    )
    height: int = Field(32, ge=8, description="Rows that an image of a line is scaled to.")
    # the network
    cell: str = Field("gru", description=RecurrentSettings.model_fields["cell"].description)
    bidirectional: bool = Field(True, description="Read from both ends; not where streaming.")
    streaming: bool = Field(
        False, description="Hear only what was before: for a microphone, chunk by chunk."
    )
    subsample: Literal[0, 1, 2, 4, 8] = Field(
        0, description="Frames that the convolutions make one step of; 0: as many as texts allow."
    )
    # the training
    speed: float = Field(
        0.15, ge=0, lt=0.5, description="Play up to this share faster or slower in training."
    )
    vocal_tract: float = Field(
        0.2, ge=0, lt=0.5, description="Stretch the mel scale up to this share in training."
    )
    noise: float = Field(
        0.5, ge=0, le=1, description="Share of the sounds that get noise in training."
    )
    masks: float = Field(
        0.2, ge=0, lt=1, description="Widest stripe that is hidden in training, of bands and time."
    )
    vary: float = Field(
        1.0, ge=0, le=3, description="How differently lines are written anew in training; 0: not."
    )
    # the search
    beam: int = Field(1, ge=1, description="Width of the beam; 1 takes the likeliest each step.")
    language_model: str | None = Field(
        None, description="A run of the task language that helps the beam, in the same units."
    )
    weight: float = Field(0.3, ge=0, description="What the language model's word counts.")
    bonus: float = Field(
        0.0, description="Added for each token, against a language model's wish for short texts."
    )
    chunk: float = Field(
        0.0,
        ge=0,
        description="Seconds that a run that streams is handed at a time, as by a microphone; 0: all "
        "of a file at once, which says the same.",
    )

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one of them")
        if self.streaming and self.kind != "audio":
            raise ValueError(f"streaming is for sounds, and --{self.kind} is given")
        if self.streaming and self.deltas:
            raise ValueError("deltas look ahead, which streaming cannot")
        if self.streaming and self.normalise not in ("auto", "corpus"):
            raise ValueError(
                f"normalise={self.normalise} has to hear all of it first, which streaming cannot"
            )
        if self.normalise == "speaker" and self.speaker is None:
            raise ValueError("normalise=speaker needs speaker, the column that names them")
        return self

    @property
    def kind(self) -> str:
        """audio, image or strokes."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), "audio")

    @property
    def both_ways(self) -> bool:
        """Whether the stack reads from both ends."""
        return self.bidirectional and not self.streaming

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why the table at `path`, with these settings, looks like sounds with their texts."""
        for kind in ("audio", "strokes"):
            if given.get(kind) is not None:
                return f"a table with {kind}, as the settings say"
        if "image" in given or not path.is_file() or not path.name.endswith((*TABLES, *LINES)):
            return None
        try:
            rows, names = first_rows(path)
        except (UserError, OSError, ValueError, csv.Error, IndexError):
            return None
        body = rows[1:] or rows if names is None else rows
        for k in range(max(map(len, body), default=0)):
            # a bad row does not hide what the rest is
            sounds = sum(k < len(row) and row[k].strip().lower().endswith(SOUNDS) for row in body)
            if 2 * sounds > len(body):
                return "a table that names a sound in each row"
        return None


# what may be changed for each use of a run
IN_USE = ("skip_bad", "speaker", "beam", "language_model", "weight", "bonus", "chunk")
