"""Settings of the task frames, and which files look like clips; no torch is loaded here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from unroll.data.columns import is_number
from unroll.data.files.media_paths import IMAGES, VIDEO
from unroll.data.first_rows import first_rows, is_table
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import CellName, ClassSmoothing, ClassWeights

MOVING = (*VIDEO, ".gif")
STILLS = tuple(suffix for suffix in IMAGES if suffix != ".gif")
ARRAY_SUFFIXES = (".npz", ".npy")
OWN = ("video", "features", "frames", "label_names", "size")
MOST_FIT = 0.8  # share of the rows that must look like clips of numbers
HIDDEN, FEATURES = 128, 128  # units of a layer and direction; numbers of a frame after convolutions
# chosen on validation sets taken from the training data of two sets (drawn figures, tracked fingers)
DROPOUT, LEARNING_RATE = 0.3, 2e-3
OTHER_LEARNING_RATE = 0.1  # of the optimizers other than adamw
BATCH_SIZE, BATCH_FRAMES = 32, 512  # clips, and frames of pictures, of a batch at most
GAPS = ("", "nan", "?")  # numbers that are missing
FEWEST = 8  # a row of more numbers than these looks like a clip


class FramesSettings(RecurrentSettings):
    """A network that labels clips, or each of their frames, and its data."""

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
        description="Column of the path of the clip, a file or a folder, by name or number. "
        "Default: guessed.",
    )
    label: str | None = Field(
        None,
        description="Column of the label, or several columns separated by commas "
        "(action,direction), whose combinations are the classes. Default: guessed.",
    )
    label_names: str | None = Field(
        None, description="File with the names of the labels 0, 1, 2, ..., one per line."
    )
    by: str | None = Field(
        None,
        description="Column of the group of a clip, such as the person in it; a group is never "
        "both in the training set and in the validation set.",
    )
    per: Literal["auto", "clip", "frame"] = Field(
        "auto",
        description="Whether a label belongs to a clip or to each frame, in a cell as `a a b` "
        "or in a file of its own. auto: to each frame if there are as many labels as frames.",
    )
    columns: str | None = Field(
        None,
        description="Columns of the numbers, by name or number, separated by commas, in tables with "
        "one row per frame. Default: all but those of times, which only grow.",
    )
    features: int | None = Field(
        None,
        ge=1,
        description="Numbers in one frame, for clips as rows of numbers. Default: guessed.",
    )
    frames: int | None = Field(
        None,
        ge=1,
        description="Frames side by side in one image. Default: as many squares as the image "
        "holds.",
    )
    size: int | None = Field(
        None,
        ge=4,
        description="Height in pixels to which frames are scaled. Default: their own height, "
        "at most 64.",
    )
    grey: bool = Field(False, description="Convert frames to grey.")
    every: int = Field(1, ge=1, description="Read every n-th frame.")
    longest: int | None = Field(
        None,
        ge=1,
        description="Most frames of a clip that are read; longer clips are truncated. Default: 400 "
        "pictures, or 4,000 rows of numbers.",
    )
    rate: float | None = Field(
        None, gt=0, description="Frames per second, for clips whose files do not tell it."
    )
    cache: float = Field(
        2000,
        ge=0,
        description="Megabytes of frames that are kept in memory; the others are read again each "
        "time.",
    )
    valid: str | None = Field(
        None,
        description="File of the validation set. Default: a tenth of the clips, at most 5,000.",
    )
    skip_bad: bool = Field(False, description="Skip bad clips; they are counted and reported.")
    # the network
    widths: str | None = Field(
        None,
        description="Channels of each block of convolutions, separated by commas. Default: as "
        "many blocks as the size of the frames needs.",
    )
    cell: CellName = "gru"
    embedding: int | None = Field(
        None,
        ge=1,
        description="Size of the vector to which the convolutions reduce a frame. Default: "
        "chosen by the task.",
    )
    bidirectional: bool = Field(True, description="Read the frames in both directions.")
    pooling: Literal["last", "mean", "max", "attention"] = Field(
        "mean",
        description="How the outputs of all frames become one vector, if a clip has one label. "
        "last: the last frame of each direction.",
    )
    class_weights: ClassWeights = "none"
    label_smoothing: ClassSmoothing = 0.1

    @field_validator("widths")
    @classmethod
    def check_widths(cls, text: str | None) -> str | None:
        """Refuse what is not a list of whole numbers.

        Raises:
            ValueError: where a part between commas is not a whole number above 0.
        """
        parts = [] if text is None else text.split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            raise ValueError("expected whole numbers separated by commas")
        return text

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this looks like clips with labels.

        Args:
            path: the data.
            given: the settings that the user gave, by name.

        Returns:
            Half a sentence for people, or None where it looks like other data.
        """
        own = next((name for name in OWN if given.get(name) is not None), None)
        if path.is_dir():
            return folder_reason(path)
        if path.is_file() and path.suffix.lower() in ARRAY_SUFFIXES:
            from unroll.in_memory.array_file import read_arrays  # it loads numpy

            per_step = read_arrays(path).per_step
            return (
                "sequences of numbers with a label for each step, in arrays" if per_step else None
            )
        if not is_table(path):
            return None
        if own is not None:
            return f"a table, and {own} is given"
        try:
            rows, names = first_rows(path)
        except (UserError, OSError):
            return None
        return cls.guess_rows(rows, names, path)

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like clips with labels by its rows; as for every task."""
        if (k := column_of_clips(rows, names, path.parent)) is not None:
            return f"a table that names clips, in column {k + 1 if names is None else names[k]}"
        head = [] if names is None else [list(names)]
        if (label := label_of_rows([*head, *rows])) is not None:
            return f"rows of {len(rows[0]) - 1} numbers with a label in column {label + 1}"
        return None


def column_of_clips(
    rows: Sequence[Sequence[str]], names: Sequence[str] | None, folder: Path
) -> int | None:
    """The place, from 0, of the column that holds clips in most rows; None where no column does.

    Args:
        rows: the first rows of a table.
        names: of the columns; None where the first row may be names.
        folder: where relative paths begin.
    """
    body = rows if names is not None else rows[1:] or rows
    for k in range(max(map(len, body), default=0)):
        # a bad row does not hide what the others are
        clips = [row[k].strip() for row in body if k < len(row)]
        clips = [clip for clip in clips if names_clip(clip, folder)]
        # a folder that comes back holds images, and is no clip
        different = len(set(clips)) > 1 or len(clips) == 1
        if 2 * len(clips) > len(body) and (different or clips[0].lower().endswith(MOVING)):
            return k
    return None


def names_clip(cell: str, folder: Path) -> bool:
    """Whether a cell names a moving picture, or an existing folder of frames."""
    if cell.lower().endswith(MOVING):
        return True
    if not cell or "." in cell:
        return False
    inside = folder / cell
    return os.path.isdir(inside) and is_clip(inside)  # noqa: PTH112  False where it can be no path


def folder_reason(path: Path) -> str | None:
    """Why a folder looks like a folder of clips for each class; None where it does not."""
    inside = [p for p in sorted(path.iterdir()) if not p.name.startswith(".")]
    folders = [p for p in inside if p.is_dir()]
    if len(folders) < 2 or not all(any(map(is_clip, folder.iterdir())) for folder in folders):
        return None
    return f"a folder of clips for each of {len(folders)} classes"


def is_clip(path: Path) -> bool:
    """Whether this is a moving picture, or a folder of frames."""
    if path.is_dir():
        return any(inside.suffix.lower() in STILLS for inside in path.iterdir())
    return path.suffix.lower() in MOVING


def label_of_rows(rows: Sequence[Sequence[str]]) -> int | None:
    """The place of the label, from 0, in rows that otherwise hold the numbers of a clip.

    A first row may hold numbered names: x1, y1, x2. The label is a first column of words or of
    whole numbers, else a last column of those. Rows of short clips may end in empty cells or NaN.

    Returns:
        None where the rows do not look like that.
    """
    if not rows or len(rows[0]) <= FEWEST:
        return None
    width = len(rows[0])
    numbered = sum(name.strip()[-1:].isdigit() for name in rows[0]) >= width - 1
    header = not all(map(is_number_or_gap, rows[0][1:-1]))
    body = rows[1:] if header else rows
    fit = [row for row in body if len(row) == width and all(map(is_number_or_gap, row[1:-1]))]
    # a few bad rows are reported with their lines when the table is read
    if not fit or (header and not numbered) or len(fit) < MOST_FIT * len(body):
        return None
    for is_name in (is_plain_name, is_whole):
        for k, other in ((0, -1), (-1, 0)):
            names = [row[k] for row in fit]
            fits = all(map(is_name, names)) and all(is_number_or_gap(row[other]) for row in fit)
            if fits and (is_name is is_plain_name or len(set(names)) <= len(names) / 2):
                return k % width
    return None


def is_gap(cell: str) -> bool:
    """Whether a cell of numbers is missing, as at the end of the row of a short clip."""
    return cell.strip().lower() in GAPS


def is_number_or_gap(cell: str) -> bool:
    """Whether a cell is a number, or is missing."""
    return is_number(cell) or is_gap(cell)


def is_plain_name(cell: str) -> bool:
    """Whether a cell is a word or a whole number without a point."""
    return cell.strip().lower() != "nan" and ("." not in cell or not is_number(cell))


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number, however it is written: 1.0000000e+00."""
    return is_number(cell) and float(cell).is_integer()
