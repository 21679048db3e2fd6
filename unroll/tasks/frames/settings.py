"""What a person can set of a network that reads clips frame by frame, and which files look so."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unroll.data.columns import is_number
from unroll.data.first_rows import LINES, TABLES, first_rows
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings

MOVING = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v", ".gif")
STILLS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
OWN = ("video", "features", "frames", "label_names", "size")
MOST_FIT = 0.8  # share of the rows that must look so
FEWEST = 8  # numbers in a row from which on it looks like a clip


class FramesSettings(RecurrentSettings):
    """A network that reads clips frame by frame, and the data it learns from."""

    flags: ClassVar[dict[str, str]] = {
        "video": "COLUMN",
        "label": "COLUMN",
        "by": "COLUMN",
        "valid": "FILE",
        "skip_bad": "",
    }

    # the data
    video: str | None = Field(
        None,
        description="Column of the clip's file or folder, by name or number; left out, guessed.",
    )
    label: str | None = Field(
        None,
        description="Column of the label; of several with commas (action,direction) each "
        "combination is a class; left out, guessed.",
    )
    label_names: str | None = Field(
        None, description="A file with the name of label 0, 1, 2, ... in its lines."
    )
    by: str | None = Field(
        None, description="Column that says who is in the clip: nobody is held out in part."
    )
    per: Literal["auto", "clip", "frame"] = Field(
        "auto",
        description="Whether a label is the clip's or, in a cell as `a a b` or a file of its own, "
        "each frame's; auto: the frame's where there are as many as frames.",
    )
    features: int | None = Field(
        None,
        ge=1,
        description="Rows of numbers: how many of them are a frame; left out, guessed.",
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="Frames side by side in an image; left out, as many squares as it has.",
    )
    size: int | None = Field(
        None,
        ge=4,
        description="Height to which frames are scaled; left out, their own, at most 64.",
    )
    grey: bool = Field(False, description="Read frames without colour.")
    every: int = Field(1, ge=1, description="Read every n-th frame.")
    longest: int = Field(400, ge=1, description="Frames that are read of a clip; the end is cut.")
    rate: float | None = Field(
        None, gt=0, description="Frames a second, for times where the files do not say it."
    )
    cache: float = Field(
        2000, ge=0, description="Megabytes of frames kept in memory; the rest is read each time."
    )
    valid: str | None = Field(
        None, description="Held-out data; left out, a tenth of the clips, at most 5,000."
    )
    skip_bad: bool = Field(False, description="Leave bad clips out, count and tell them.")
    # the network
    widths: str | None = Field(
        None,
        description="Channels of each block of the convolutional network, with commas; left out, "
        "blocks until the grid is small.",
    )
    cell: str = Field("gru", description=RecurrentSettings.model_fields["cell"].description)
    embedding: int | None = Field(
        None, ge=1, description="Numbers that the convolutional network makes of a frame."
    )
    bidirectional: bool = Field(True, description="Read from both ends.")
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        "mean", description="How the frames become one vector, where a clip has one label."
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: rare classes weigh more, so that each counts the same."
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of the target that is spread over all classes."
    )

    @field_validator("widths")
    @classmethod
    def sound(cls, text: str | None) -> str | None:
        parts = [] if text is None else text.split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            raise ValueError("expected whole numbers with commas")
        return text

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this looks like clips with labels, or None."""
        asked = next((name for name in OWN if given.get(name) is not None), None)
        if path.is_dir():
            return folder_reason(path)
        if not path.is_file() or not path.name.endswith((*TABLES, *LINES)):
            return None
        if asked is not None:
            return f"a table, and {asked} is given"
        try:
            rows, names = first_rows(path)
        except (UserError, OSError, ValueError, csv.Error):
            return None
        if (k := column_of_clips(rows, names, path.parent)) is not None:
            return f"a table that names clips, in column {k + 1 if names is None else names[k]}"
        if names is None and (label := label_of_rows(rows)) is not None:
            return f"rows of {len(rows[0]) - 1} numbers with a label in column {label + 1}"
        return None


def column_of_clips(
    rows: Sequence[Sequence[str]], names: Sequence[str] | None, folder: Path
) -> int | None:
    """Which column, from 0, holds clips in most rows. names: None where the first row may be names.
    folder: where the paths begin."""
    body = rows if names is not None else rows[1:] or rows
    for k in range(max(map(len, body), default=0)):
        # a bad row does not hide what the rest is
        if 2 * sum(k < len(row) and names_clip(row[k].strip(), folder) for row in body) > len(body):
            return k
    return None


def names_clip(cell: str, folder: Path) -> bool:
    """Whether a cell names a file that moves, or a folder of frames that is there."""
    if cell.lower().endswith(MOVING):
        return True
    inside = folder / cell
    return (
        bool(cell) and "." not in cell and len(cell) < 256 and inside.is_dir() and is_clip(inside)
    )


def folder_reason(path: Path) -> str | None:
    """A folder of folders, each with the clips of one class."""
    inside = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
    folders = [p for p in inside if p.is_dir()]
    if len(folders) < 2 or not all(any(map(is_clip, folder.iterdir())) for folder in folders):
        return None
    return f"a folder of clips for each of {len(folders)} classes"


def is_clip(path: Path) -> bool:
    """Whether this is a file that moves, or a folder of frames."""
    if path.is_dir():
        return any(inside.suffix.lower() in STILLS for inside in path.iterdir())
    return path.suffix.lower() in MOVING


def label_of_rows(rows: Sequence[Sequence[str]]) -> int | None:
    """Where the label stands, from 0, in rows that hold nothing else but a clip's numbers.

    A first row may hold names that count: x1, y1, x2. The label is the column of words or of whole
    numbers at the beginning, else at the end.
    """
    if not rows or len(rows[0]) <= FEWEST:
        return None
    width = len(rows[0])
    numbered = sum(name.strip()[-1:].isdigit() for name in rows[0]) >= width - 1
    header = not all(map(is_number, rows[0][1:-1]))
    body = rows[1:] if header else rows
    fit = [row for row in body if len(row) == width and all(map(is_number, row[1:-1]))]
    # a few bad rows are told with their lines when the table is read
    if not fit or (header and not numbered) or len(fit) < MOST_FIT * len(body):
        return None
    for k, other in ((0, -1), (-1, 0)):
        names = all("." not in row[k] or not is_number(row[k]) for row in fit)
        if names and all(is_number(row[other]) for row in fit):
            return k % width
    return None
