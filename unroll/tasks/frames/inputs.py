"""The clips that a model is asked to label: by path, in a folder, in a table, or as numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from unroll.data.files.media_paths import has_suffix
from unroll.data.files.tables import open_table
from unroll.data.media_table import RunColumns
from unroll.data.problems import Problems
from unroll.data.series import LARGEST
from unroll.data.skipped import CollectedProblems, SkippedRecord, records_and_problems
from unroll.errors import UserError
from unroll.tasks.frames.clips import CLIP_FILES, Clip, image_size
from unroll.tasks.frames.number_rows import NUMBERS, find_wide, is_numbers
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.reader import check_kind
from unroll.tasks.frames.settings import MOVING, STILLS
from unroll.tasks.frames.sources import find_clips
from unroll.tasks.frames.video import BadClip

LOOK = 100  # rows that decide whether a table names clips


@dataclass(frozen=True)
class ClipInput:
    """A clip to label.

    Attributes:
        name: its path, or what it is called.
        clip: None where it is still to be read from its path.
    """

    name: str
    clip: Clip | None = None


def read_inputs(
    path: str, preprocessor: FramesPreprocessor, run: RunColumns, skip_bad: bool
) -> Iterator[ClipInput | SkippedRecord]:
    """The clips that a table names, those in a folder, the rows of a wide table, or one clip.

    Args:
        path: a table, a folder or a clip.
        preprocessor: of the run.
        run: the columns of the run.
        skip_bad: whether bad rows of a table are skipped. False: the first one raises.

    Raises:
        UserError: where there are no clips of the kind that the run reads.
    """
    place = Path(path)
    if place.is_dir():
        clips = find_in_folder(place, preprocessor)
        if not clips:
            numbers = f"numbers ({', '.join(NUMBERS)})"
            kind = "images or video" if preprocessor.scaler is None else numbers
            raise UserError(f"The folder {path} has no clip; expected clips of {kind}.")
        yield from (ClipInput(str(clip)) for clip in clips)
    elif is_one_clip(place, preprocessor, run.media):
        yield ClipInput(path)
    else:
        yield from records_and_problems(partial(read_table, path, preprocessor, run), skip_bad)


def read_table(
    path: str, preprocessor: FramesPreprocessor, run: RunColumns, problems: Problems
) -> Iterator[ClipInput]:
    """The clips of a table. problems: collects those that cannot be read."""
    check_wide_table(path, preprocessor, run)
    source = find_clips(path, labelled=False, columns=preprocessor.columns, run=run)
    check_kind(source, preprocessor)
    for row in source.rows(problems):
        try:
            if isinstance(row.source, Path):
                yield ClipInput(row.name, preprocessor.reading(row.source))
            else:
                yield ClipInput(row.name, preprocessor.split_row(row.source))
        except BadClip as error:
            problems.bad(f"{row.where}: {error}")


def check_wide_table(path: str, preprocessor: FramesPreprocessor, run: RunColumns) -> None:
    """Check that data is a wide table where the training data was one.

    Args:
        path: of the data.
        preprocessor: of the run.
        run: the columns of the run, or those that were given for this data.

    Raises:
        UserError: where it is not.
    """
    columns = preprocessor.columns
    if columns is not None and find_wide(Path(path), None, columns, run) is None:
        raise UserError(
            f"{path} does not have rows of {columns} numbers (with a label or without); expected "
            "those, as in training."
        )


def find_in_folder(place: Path, preprocessor: FramesPreprocessor) -> list[Path]:
    """The clips in a folder and in its folders; or the folders that hold the frames of a clip.

    Raises:
        UserError: where clips are rows of a table.
    """
    if preprocessor.columns is not None:
        raise UserError(
            f"{place} is a folder; expected a table of rows of {preprocessor.columns} numbers, as in "
            "training."
        )
    folders = [place, *(p for p in sorted(place.iterdir()) if p.is_dir() and p.name[0] != ".")]
    return [clip for folder in folders for clip in find_among_files(folder, preprocessor)]


def find_among_files(folder: Path, preprocessor: FramesPreprocessor) -> list[Path]:
    """The files of a folder that are clips, or the folder itself where its images are frames."""
    inside = [p for p in sorted(folder.iterdir()) if p.name[0] != "." and not p.is_dir()]
    if preprocessor.scaler is not None:
        return [p for p in inside if is_numbers(p)]
    moving = [p for p in inside if p.suffix.lower() in MOVING]
    stills = [p for p in inside if p.suffix.lower() in STILLS]
    if stills and is_strip(stills[0], preprocessor):
        return [p for p in inside if p in (*moving, *stills)]
    return moving or ([folder] if stills else [])


def is_strip(image: Path, preprocessor: FramesPreprocessor) -> bool:
    """Whether an image is a clip: at least twice as wide as a frame."""
    _, height, width = preprocessor.reading.shape
    try:
        image_height, image_width = image_size(image)
    except BadClip:  # reported when it is read
        return False
    return image_width * height >= 2 * width * image_height


def is_one_clip(place: Path, preprocessor: FramesPreprocessor, video: str | None) -> bool:
    """Whether a file is itself a clip, not a table of clips. video: the column of paths of the run."""
    if not is_numbers(place):
        return place.name.lower().endswith(CLIP_FILES)
    if preprocessor.scaler is None or preprocessor.columns is not None or not place.is_file():
        return False
    rows = [row.cells for row in islice(open_table(place).rows(CollectedProblems()), LOOK)]
    return video not in (rows[0] if rows else []) and not any(
        isinstance(cell, str) and has_suffix(cell, CLIP_FILES) for row in rows for cell in row
    )


def parse_input(value: object, preprocessor: FramesPreprocessor) -> ClipInput:
    """An input as users give it: the path of a clip, or frames of numbers as a list or as JSON.

    Raises:
        UserError: where it is neither.
    """
    if isinstance(value, ClipInput):
        return value
    # os.path: a long row of numbers is no path, and no error
    if isinstance(value, Path) or (isinstance(value, str) and os.path.exists(value)):  # noqa: PTH110
        return ClipInput(str(value))
    if preprocessor.scaler is None:
        raise UserError(f"Got {str(value)[:60]!r}; expected the path of an existing clip.")
    width = preprocessor.reading.shape[0]
    values = parse_numbers(value, width)
    if values is None:
        raise UserError(
            f"Got {str(value)[:60]!r}; expected the path of an existing clip, or frames of {width} "
            "finite numbers as JSON: [[...], [...]]."
        )
    return ClipInput("rows", preprocessor.reading.read_rows(values))


def parse_numbers(value: object, width: int) -> np.ndarray | None:
    """Frames of numbers [T, width]; None where a value is something else."""
    try:
        rows = json.loads(value) if isinstance(value, str) else value
        values = np.asarray(rows, dtype=np.float32)
    except (ValueError, TypeError):
        return None
    if not values.size or not (np.abs(values) <= LARGEST).all():
        return None
    if values.ndim == 1 and values.size % width == 0:
        values = values.reshape(-1, width)
    return values if values.ndim == 2 and values.shape[1] == width else None
