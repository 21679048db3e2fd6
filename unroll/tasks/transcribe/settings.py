"""Settings of the task transcribe, and which tables look like its data; no torch is loaded here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from unroll.data.files.media_paths import SOUNDS, column_of_paths, find_media_paths
from unroll.data.first_rows import first_rows, has_columns
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import BeamWidth, CellName, LowerTexts, SkipBad

MOST_COLUMNS, LONGEST_ID = 8, 100  # of a table that names sounds without their suffix
KINDS = ("audio", "image", "strokes")


class TranscribeSettings(RecurrentSettings):
    """A recogniser of sounds, lines of handwriting or pen strokes, and its data."""

    flags: ClassVar[dict[str, str]] = {
        "audio": "COLUMN",
        "image": "COLUMN",
        "strokes": "COLUMN",
        "text": "COLUMN",
        "valid": "FILE",
        "by": "COLUMN",
        "skip_bad": "",
        "lower": "",
    }

    # the data
    audio: str | None = Field(
        None, description="Column of the path of the sound, by name or number. Default: guessed."
    )
    image: str | None = Field(
        None, description="Column of the path of the image, which shows one line of handwriting."
    )
    strokes: str | None = Field(
        None, description="Column of the path of a table of pen strokes: rows of x, y, pen."
    )
    text: str | None = Field(
        None, description="Column of the text that is spoken or written. Default: guessed."
    )
    speaker: str | None = Field(
        None, description="Column of the speaker. Features are then scaled for each speaker."
    )
    valid: str | None = Field(
        None, description="Validation set. Default: a tenth of the records, at most 5,000."
    )
    by: str | None = Field(
        None,
        description="Column of the speaker or writer; all records of a person are either in the "
        "training set or in the validation set.",
    )
    skip_bad: SkipBad = False
    lower: LowerTexts = False
    units: Literal["auto", "char", "word"] = Field(
        "auto",
        description="What a token is. auto: words if there are few "
        "different words and each is frequent, otherwise characters.",
    )
    # the features
    rate: int | None = Field(
        None,
        ge=1000,
        description="Sample rate in Hz. Default: the rate of most files, at most 16,000.",
    )
    bands: int = Field(40, ge=8, description="Bands of the mel scale.")
    window: float = Field(0.025, gt=0, le=1, description="Length of a frame of sound, in seconds.")
    hop: float = Field(0.01, gt=0, le=1, description="Seconds from one frame to the next.")
    deltas: int = Field(
        0,
        ge=0,
        le=2,
        description="1: add the slope of each feature over time; 2: also the slope of the slope.",
    )
    normalise: Literal["auto", "utterance", "speaker", "corpus"] = Field(
        "auto",
        description="Each band is scaled to mean 0 and standard deviation 1 over this. auto: "
        "speaker if that column is given, corpus if streaming, otherwise utterance.",
    )
    height: int = Field(
        32, ge=8, description="Height in pixels to which an image of a line is scaled."
    )
    # the network
    cell: CellName = "gru"
    bidirectional: bool = Field(
        True, description="Read the frames in both directions; never if streaming."
    )
    streaming: bool = Field(
        False,
        description="Use past frames only, so that the model can follow live sound in chunks.",
    )
    subsample: Literal[0, 1, 2, 4, 8] = Field(
        0,
        description="Frames that the convolutions combine into one step. 0: as many as the texts "
        "allow.",
    )
    # the training
    speed: float | None = Field(
        None,
        ge=0,
        lt=0.5,
        description="In training, sounds are played faster or slower by up to this share. Default: "
        "as few speakers need.",
    )
    pitch: float | None = Field(
        None,
        ge=0,
        lt=0.5,
        description="In training, voices are made higher or lower by up to this share, at the same "
        "pace. Default: not at all.",
    )
    vocal_tract: float | None = Field(
        None,
        ge=0,
        lt=0.5,
        description="In training, the mel scale is stretched by up to this share. Default: as few "
        "speakers need.",
    )
    noise: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Share of the recordings to which training adds noise. Default: as few speakers "
        "need.",
    )
    masks: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="In training, up to this share of the bands and of the time is masked. Default: "
        "0.2.",
    )
    vary: float = Field(
        1.0,
        ge=0,
        le=3,
        description="How strongly training distorts handwriting. 0: not at all.",
    )
    # the search
    beam: BeamWidth = 1
    language_model: str | None = Field(
        None,
        description="Run folder of a language model with the same tokens, which scores the "
        "texts of the beam.",
    )
    weight: float = Field(0.3, ge=0, description="Weight of the language model.")
    bonus: float = Field(
        0.0,
        description="Score added per token, because language models prefer short texts.",
    )
    chunk: float = Field(
        0.0,
        ge=0,
        description="Seconds of sound that a streaming model reads at a time. 0: a whole file; "
        "the text is the same.",
    )

    @model_validator(mode="after")
    def check_combination(self) -> Self:
        """Refuse settings that do not fit together.

        Raises:
            ValueError: where they do not.
        """
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; expected one of them")
        if self.streaming and self.kind != "audio":
            raise ValueError(f"streaming is for sounds, but --{self.kind} is given")
        if self.streaming and self.deltas:
            raise ValueError("deltas use future frames, which are not there yet when streaming")
        if self.streaming and self.normalise not in ("auto", "corpus"):
            raise ValueError(
                f"normalise={self.normalise} needs the whole recording, which is not there yet when "
                "streaming"
            )
        if self.normalise == "speaker" and self.speaker is None:
            raise ValueError("normalise=speaker needs speaker, the column that names the speaker")
        return self

    @property
    def kind(self) -> str:
        """audio, image or strokes."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), "audio")

    @property
    def both_ways(self) -> bool:
        """Whether the recurrent layers read in both directions."""
        return self.bidirectional and not self.streaming

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why the table at `path`, with these settings, looks like sounds with their texts.

        Args:
            path: the data.
            given: the settings that the user gave, by name.

        Returns:
            Half a sentence for people, or None where the table looks like other data.
        """
        for kind in ("audio", "strokes"):
            if given.get(kind) is not None:
                return f"a table with {kind}, as the settings say"
        if (path / "wav.scp").is_file():
            return "a folder of Kaldi, with its wav.scp"
        if path.name == "wav.scp":
            return "recordings of Kaldi"
        if "image" in given or not has_columns(path):
            return None
        try:
            rows, names = first_rows(path)
        except (UserError, OSError, IndexError):
            return None
        return cls.guess_rows(rows, names, path)

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like sounds with their texts by its rows; as for every task."""
        if column_of_paths(rows, names, SOUNDS) is not None:
            return "a table that names a sound in each row"
        return ids_reason(rows, path.parent)


def ids_reason(rows: Sequence[Sequence[str]], folder: Path) -> str | None:
    """Why a table names sounds by their names without a suffix; None where it does not.

    Args:
        rows: the first rows.
        folder: of the table.
    """
    width = max(map(len, rows), default=0)
    for k in range(min(width, MOST_COLUMNS) if width > 1 else 0):
        words = [row[k].strip() for row in rows if k < len(row)]
        if any(" " in word or len(word) > LONGEST_ID for word in words):
            continue
        if len(set(words)) < 0.9 * len(words):  # labels come back, names of recordings do not
            continue
        found = find_media_paths(words, folder, SOUNDS)
        if found is not None and found.suffix:
            return (
                f"a table whose column {k + 1} names sounds ({found.below or '.'}/*{found.suffix})"
            )
    return None
