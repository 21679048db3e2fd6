"""Clips to be asked about: which ones a path holds, or words of a command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.clip_source import clips_in, find_clips
from unroll.data.clips import CLIP_FILES, Clip, frame_files, is_numbers
from unroll.data.framed import FrameCodec
from unroll.data.number_rows import find_wide, read_numbers
from unroll.data.problems import Problems
from unroll.data.video import BadClip
from unroll.errors import UserError


@dataclass(frozen=True)
class Question:
    """A clip to be asked about. name: for people. clip: None where its path is still to be read."""

    name: str
    clip: Clip | None = None


def questions_of(
    path: str, codec: FrameCodec, video: str | None, problems: Problems
) -> Iterator[Question]:
    """The clips that a table names, those of a folder, the rows of a wide table, or one clip.

    video: the column of the clip. problems: told of clips of a table that are bad.
    Raises: UserError where there are none of the codec's kind.
    """
    place = Path(path)
    if place.is_dir():
        inside = [clip for each in [place, *subfolders(place)] for clip in clips_in(each)]
        if any(clip.is_file() for clip in inside) or not has_frames(place):
            yield from (Question(str(clip)) for clip in inside)
        else:
            yield Question(path)
        return
    if is_one_clip(place, codec):
        yield Question(path)
        return
    if codec.columns is not None and find_wide(place, None, codec.columns) is None:
        raise UserError(
            f"{path} does not hold rows of {codec.columns} numbers (with a label or without); "
            "expected those, as in training."
        )
    source = find_clips(path, video=video, labelled=False, columns=codec.columns)
    for row in source.rows(problems):
        try:
            if isinstance(row.source, Path):
                yield Question(row.name, codec.reading(row.source))
            else:
                yield Question(row.name, codec.wide_clip(row.source))
        except BadClip as error:
            problems.bad(f"{row.where}: {error}")


def subfolders(place: Path) -> list[Path]:
    """The folders of a folder, in order of name."""
    return [p for p in sorted(place.iterdir()) if p.is_dir() and p.name[0] != "."]


def has_frames(place: Path) -> bool:
    """Whether a folder holds images."""
    try:
        return bool(frame_files(place))
    except BadClip:
        return False


def is_one_clip(place: Path, codec: FrameCodec) -> bool:
    """Whether a file is a clip itself, not a table that names clips or holds a row for each."""
    if not is_numbers(place):
        return place.name.lower().endswith(CLIP_FILES)
    if codec.scaler is None or codec.columns is not None:
        return False
    try:
        read_numbers(place, codec.reading.shape[0])
    except BadClip:
        return False
    return True


def asked(question: Any, codec: FrameCodec) -> Question:
    """A question as it comes from --input: the path of a clip, or rows of numbers as JSON.

    Raises: UserError for what is neither.
    """
    if isinstance(question, Path) or (isinstance(question, str) and Path(question).exists()):
        return Question(str(question))
    width = codec.reading.shape[0]
    if codec.scaler is None:
        raise UserError(f"Got {str(question)[:60]!r}; expected the path of a clip that is there.")
    try:
        rows = json.loads(question) if isinstance(question, str) else question
        values = np.asarray(rows, dtype=np.float32)
        if values.size and np.isfinite(values).all():
            if values.ndim == 1 and values.size % width == 0:
                values = values.reshape(-1, width)
            if values.ndim == 2 and values.shape[1] == width:
                return Question("rows", codec.reading.of_numbers(values))
    except (ValueError, TypeError):
        pass
    raise UserError(
        f"Got {str(question)[:60]!r}; expected the path of a clip that is there, or frames of {width} "
        "finite numbers as JSON: [[...], [...]]."
    )
