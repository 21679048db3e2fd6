"""Clips to be asked about: which ones a path holds, or words of a command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.media_table import is_path
from unroll.data.problems import Problems
from unroll.data.records import table_rows
from unroll.data.skipped import CollectedProblems, SkippedRecord, records_and_problems
from unroll.errors import UserError
from unroll.tasks.frames.clips import CLIP_FILES, Clip, image_size
from unroll.tasks.frames.number_rows import NUMBERS, find_wide, is_numbers
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.reader import check_kind
from unroll.tasks.frames.settings import MOVING, STILLS
from unroll.tasks.frames.sources import find_clips
from unroll.tasks.frames.video import BadClip

LOOK = 100  # rows that tell whether a table names clips


@dataclass(frozen=True)
class Question:
    """A clip to be asked about. name: for people. clip: None where its path is still to be read."""

    name: str
    clip: Clip | None = None


def questions_of(
    path: str, preprocessor: FramesPreprocessor, video: str | None, skip: bool
) -> Iterator[Question | SkippedRecord]:
    """The clips that a table names, those of a folder, the rows of a wide table, or one clip.

    video: the column of the clip in training. skip: whether bad rows of a table are left out.
    Raises: UserError where there are none of the preprocessor's kind.
    """
    place = Path(path)
    if place.is_dir():
        found = clips_of_folder(place, preprocessor)
        if not found:
            kind = (
                "images or video"
                if preprocessor.scaler is None
                else f"numbers ({', '.join(NUMBERS)})"
            )
            raise UserError(f"The folder {path} holds no clip; expected clips of {kind}.")
        yield from (Question(str(clip)) for clip in found)
    elif is_one_clip(place, preprocessor, video):
        yield Question(path)
    else:
        yield from records_and_problems(partial(rows_of, path, preprocessor, video), skip)


def rows_of(
    path: str, preprocessor: FramesPreprocessor, video: str | None, problems: Problems
) -> Iterator[Question]:
    """The clips of a table; `problems` is told of those that cannot be read."""
    check_rows(path, preprocessor)
    find = partial(find_clips, path, labelled=False, columns=preprocessor.columns)
    try:
        source = find(video=video)
    except UserError:  # the column may have another name than in training
        source = find()
    check_kind(source, preprocessor)
    for row in source.rows(problems):
        try:
            if isinstance(row.source, Path):
                yield Question(row.name, preprocessor.reading(row.source))
            else:
                yield Question(row.name, preprocessor.wide_clip(row.source))
        except BadClip as error:
            problems.bad(f"{row.where}: {error}")


def check_rows(path: str, preprocessor: FramesPreprocessor) -> None:
    """Raises: UserError where clips are rows of a table, and this is no such table."""
    if (
        preprocessor.columns is not None
        and find_wide(Path(path), None, preprocessor.columns) is None
    ):
        raise UserError(
            f"{path} does not hold rows of {preprocessor.columns} numbers (with a label or without); "
            "expected those, as in training."
        )


def clips_of_folder(place: Path, preprocessor: FramesPreprocessor) -> list[Path]:
    """The clips in a folder and in its folders; or the folders themselves, where they hold the frames
    of one.

    Raises: UserError where clips are rows of a table.
    """
    if preprocessor.columns is not None:
        raise UserError(
            f"{place} is a folder; expected a table of rows of {preprocessor.columns} numbers, as in training."
        )
    folders = [place, *(p for p in sorted(place.iterdir()) if p.is_dir() and p.name[0] != ".")]
    return [clip for folder in folders for clip in clips_within(folder, preprocessor)]


def clips_within(folder: Path, preprocessor: FramesPreprocessor) -> list[Path]:
    """The clips that the files of a folder are, or the folder itself."""
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
        tall, wide = image_size(image)
    except BadClip:  # told when it is read
        return False
    return wide * height >= 2 * width * tall


def is_one_clip(place: Path, preprocessor: FramesPreprocessor, video: str | None) -> bool:
    """Whether a file is a clip itself, not a table that names clips or holds a row for each."""
    if not is_numbers(place):
        return place.name.lower().endswith(CLIP_FILES)
    if preprocessor.scaler is None or preprocessor.columns is not None or not place.is_file():
        return False
    rows = [row.cells for row in islice(table_rows(place, str(place), CollectedProblems()), LOOK)]
    return video not in (rows[0] if rows else []) and not any(
        is_path(cell, CLIP_FILES) for row in rows for cell in row
    )


def asked(question: Any, preprocessor: FramesPreprocessor) -> Question:
    """A question as it comes from --input: the path of a clip, or rows of numbers as JSON.

    Raises: UserError for what is neither.
    """
    # os.path: a long row of numbers is no path, and no error
    if isinstance(question, Path) or (isinstance(question, str) and os.path.exists(question)):  # noqa: PTH110
        return Question(str(question))
    width = preprocessor.reading.shape[0]
    if preprocessor.scaler is None:
        raise UserError(f"Got {str(question)[:60]!r}; expected the path of a clip that is there.")
    try:
        rows = json.loads(question) if isinstance(question, str) else question
        values = np.asarray(rows, dtype=np.float32)
        if values.size and np.isfinite(values).all():
            if values.ndim == 1 and values.size % width == 0:
                values = values.reshape(-1, width)
            if values.ndim == 2 and values.shape[1] == width:
                return Question("rows", preprocessor.reading.of_numbers(values))
    except (ValueError, TypeError):
        pass
    raise UserError(
        f"Got {str(question)[:60]!r}; expected the path of a clip that is there, or frames of {width} "
        "finite numbers as JSON: [[...], [...]]."
    )
