"""Read clips with labels: training set, validation set, and the preprocessor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.class_labels import different_classes
from unroll.data.media_table import RunColumns
from unroll.data.problems import Problems
from unroll.data.series import number
from unroll.errors import UserError
from unroll.tasks.base import Progress
from unroll.tasks.frames.clips import Clip, ClipReader, clip_size
from unroll.tasks.frames.dataset import (
    ClipDataset,
    LoadedClip,
    content_hash,
    encode_clips,
)
from unroll.tasks.frames.number_rows import (
    WideTable,
    find_clocks,
    guess_features,
    read_numbers,
    split_frames,
)
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.scale import NumberScale
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.sources import ClipRow, ClipSource, find_clips
from unroll.tasks.frames.split import choose_validation, keep_unseen_labels
from unroll.tasks.frames.thumbnails import make_thumbnails
from unroll.tasks.frames.video import BadClip

SAMPLED = 20  # tables of frames in which columns of times are looked for
LOOK = 5  # clips that decide whether labels belong to frames
MOST_PICTURES, MOST_ROWS = 400, 4000  # frames of a clip: pictures, or rows of numbers
HIGHEST = 64  # pixels of a frame, where the size is left open


@dataclass(frozen=True)
class FramesData:
    """Training set and validation set.

    Attributes:
        source: where the training set comes from.
        preprocessor: learned from the training set.
        train: the training set.
        valid: the validation set.
        sha256: of both.
        validation_set: what the validation set is, for people.
        guesses: what was guessed, each with the flag that changes it.
        kept_in_training: clips that were chosen for validation, but have a label that no other
            clip has.
        warnings: sentences on bad clips that were skipped.
    """

    source: ClipSource
    preprocessor: FramesPreprocessor
    train: ClipDataset
    valid: ClipDataset
    sha256: str
    validation_set: str
    guesses: tuple[str, ...]
    kept_in_training: int
    warnings: tuple[str, ...]


def read_data(
    path: str,
    settings: FramesSettings,
    progress: Progress,
    preprocessor: FramesPreprocessor | None = None,
    problems: Problems | None = None,
) -> FramesData:
    """Read the training set and the validation set.

    Every clip is read once here, so that every bad clip is found before training.

    Args:
        path: a table, or a folder with a folder of clips for each class.
        settings: what to read, and how.
        progress: called with the share that is read.
        preprocessor: that of the run, where it is resumed. Default: classes are those of all clips,
            scales are learned from the training set.
        problems: collects bad clips. Default: as `settings.skip_bad` says.

    Raises:
        UserError: where the data cannot be used.
    """
    problems = problems or Problems(settings.skip_bad)
    source = find_source(path, settings)
    rows = list(source.rows(problems))
    if preprocessor is None:
        plan, guesses = plan_reading(rows, source, settings, problems)
    else:
        plan, guesses = ReadingPlan.of(preprocessor), []
    clips = list(load_clips(rows, plan, settings.cache, problems, progress))
    check_labels(clips, source, problems)
    digest = hashlib.sha256(hashed_content(clips))
    validation, kept_in_training = np.zeros(len(clips), dtype=bool), 0
    validation_set = settings.valid or ""
    if settings.valid is None:
        validation, validation_set = choose_validation(clips, source, settings.by)
        validation, kept_in_training = keep_unseen_labels(validation, clips)
    train = [clip for clip, out in zip(clips, validation, strict=True) if not out]
    valid = [clip for clip, out in zip(clips, validation, strict=True) if out]
    if preprocessor is None:
        preprocessor = learn_preprocessor(clips, train, plan, source)
    if settings.valid is not None:
        other = find_source(settings.valid, settings, source)
        valid = list(load_source(preprocessor, other, settings, problems, progress))
        digest.update(hashed_content(valid))
    if not train or not valid:
        raise UserError(
            f"{path} gives {counted(len(train), 'clip')} for training and {len(valid):,} for "
            f"validation ({validation_set}); expected at least one of each. Add clips."
        )
    return FramesData(
        source,
        preprocessor,
        encode_clips(train, preprocessor, problems),
        encode_clips(valid, preprocessor, problems),
        digest.hexdigest(),
        validation_set,
        (*source.guesses, *guesses),
        kept_in_training,
        tuple(problems.messages()),
    )


def hashed_content(clips: Sequence[LoadedClip]) -> bytes:
    """What the hash of a data set is made of: the labels and the contents of its clips."""
    return json.dumps([(clip.labels, clip.content_hash) for clip in clips]).encode()


def find_source(
    path: str,
    settings: FramesSettings,
    like: ClipSource | None = None,
    run: RunColumns | None = None,
) -> ClipSource:
    """The clips at a path.

    Args:
        path: a table or a folder.
        settings: name the columns, where they are given.
        like: the source of the training set, whose columns are used where the settings name none.
        run: the columns of a run, for further data; then the settings name those of this data.

    Raises:
        UserError: where there are no clips, or no such columns.
    """
    video, label, by = settings.video, settings.label, settings.by
    if like is not None:
        video, label, by = video or like.video, label or like.label, None
    return find_clips(
        path, video=video, label=label, by=by, label_names=settings.label_names, run=run
    )


@dataclass(frozen=True)
class ReadingPlan:
    """How the clips of a data set are read.

    Attributes:
        reader: reads a clip.
        per_frame: whether each frame has a label.
        columns: numbers in a row of a wide table; None where clips are files.
    """

    reader: ClipReader
    per_frame: bool
    columns: int | None

    @classmethod
    def of(cls, preprocessor: FramesPreprocessor) -> ReadingPlan:
        """How a run reads clips."""
        return cls(preprocessor.reading, preprocessor.per_frame, preprocessor.columns)


def plan_reading(
    rows: list[ClipRow], source: ClipSource, settings: FramesSettings, problems: Problems
) -> tuple[ReadingPlan, list[str]]:
    """How clips are read, from the settings and the first of them, and what was guessed.

    Raises:
        UserError: where there are fewer than two clips, or none can be read.
    """
    if len(rows) < 2:
        clips = counted(len(rows), "clip")
        sentence = f"{source.name} names {clips}; expected at least 2."
        raise UserError(problems.with_messages(sentence))
    guesses: list[str] = []
    if source.wide is not None:
        reader, guesses = plan_wide_table(source.wide, rows, settings)
    else:
        reader, guesses = plan_files(source, rows, settings)
    per_frame = labels_are_frames(rows, reader, settings)
    columns = None
    if source.wide is not None:
        columns = source.wide.width - (source.wide.label is not None)
    elif isinstance(rows[0].source, np.ndarray):
        columns = rows[0].source.size
    return ReadingPlan(reader, per_frame, columns), guesses


def plan_wide_table(
    wide: WideTable, rows: list[ClipRow], settings: FramesSettings
) -> tuple[ClipReader, list[str]]:
    """How the rows of a wide table are read, and what was guessed.

    Raises:
        UserError: where a row is not a whole number of frames.
    """
    columns = [name for k, name in enumerate(wide.names) if k != wide.label]
    guesses, features = [], settings.features
    if features is None:
        values = [row.source for row in rows if isinstance(row.source, np.ndarray)]
        names = tuple(columns) if wide.named else ("",) * len(columns)
        features, why = guess_features(names, values)
        guesses = [f"features: {features} numbers per frame, {why} (change by --set features)"]
    if len(columns) % features:
        raise UserError(
            f"{wide.name} has {len(columns)} numbers in a row, which do not make whole frames of "
            f"{features} numbers; expected a divisor of {len(columns)} (--set features=N)."
        )
    return ClipReader((features,), settings.every, settings.longest or MOST_ROWS), guesses


def plan_files(
    source: ClipSource, rows: list[ClipRow], settings: FramesSettings
) -> tuple[ClipReader, list[str]]:
    """How clips in files are read, from the first one that can be read, and what was guessed.

    Raises:
        UserError: where none can be read.
    """
    every, strip = settings.every, settings.frames
    first_error: BadClip | None = None
    paths = [row.source for row in rows if isinstance(row.source, Path)]
    out, guesses = list[int](), list[str]()
    if source.numbers:
        out, names = find_clocks(paths[:: len(paths) // SAMPLED + 1], settings.columns)
        if names:
            which = f"left out: {', '.join(names)}, which only tells when"
            guesses = [f"{which} (bring back by --set columns)"]
    for path in paths:
        try:
            if source.numbers:
                width = read_numbers(path, None, out).shape[1]
                most = settings.longest or MOST_ROWS
                return ClipReader((width,), every, most, left_out=tuple(out)), guesses
            height, width = clip_size(path, strip)
        except BadClip as error:
            first_error = first_error or error
            continue
        size = settings.size or min(height, HIGHEST)
        scaled_width = max(4, round(width * size / height))
        channels = 1 if settings.grey else 3
        most = settings.longest or MOST_PICTURES
        return ClipReader((channels, size, scaled_width), every, most, strip), guesses
    raise UserError(f"{source.name}: no clip can be read. The first error: {first_error}")


def labels_are_frames(rows: list[ClipRow], reader: ClipReader, settings: FramesSettings) -> bool:
    """Whether labels belong to frames: as the settings say, or as most of the first clips have."""
    if settings.per != "auto":
        return settings.per == "frame"
    if any(isinstance(row.label, tuple) for row in rows):
        return True
    several = [row for row in rows if isinstance(row.label, str) and len(row.label.split()) > 1]
    if 2 * len(several) < len(rows):
        return False
    fit = 0
    for row in several[:LOOK]:
        try:
            fit += len(str(row.label).split()) == read_clip(row, reader).total
        except BadClip:
            continue
    return 2 * fit > len(several[:LOOK])


def load_source(
    preprocessor: FramesPreprocessor,
    source: ClipSource,
    settings: FramesSettings,
    problems: Problems,
    progress: Progress,
) -> Iterator[LoadedClip]:
    """The clips of further data, read as those of the training set.

    Args:
        preprocessor: of the run.
        source: of the further data.
        settings: of the run.
        problems: collects bad clips.
        progress: called with the share that is read.

    Raises:
        UserError: where the clips are of another kind than in training.
    """
    check_kind(source, preprocessor)
    rows = list(source.rows(problems))
    plan = ReadingPlan.of(preprocessor)
    yield from load_clips(rows, plan, settings.cache, problems, progress)


def check_kind(source: ClipSource, preprocessor: FramesPreprocessor) -> None:
    """Check that clips are of the same kind as in training.

    Raises:
        UserError: for numbers instead of pictures, or rows of a table instead of files.
    """
    kinds = ["pictures", "numbers", "numbers in rows"]
    found = 2 if source.wide is not None else int(source.numbers)
    expected = 2 if preprocessor.columns is not None else int(preprocessor.scaler is not None)
    if found != expected:
        raise UserError(
            f"{source.name} has clips of {kinds[found]}; expected {kinds[expected]}, as in training."
        )


def load_clips(
    rows: list[ClipRow],
    plan: ReadingPlan,
    megabytes: float,
    problems: Problems,
    progress: Progress,
) -> Iterator[LoadedClip]:
    """Read every clip once.

    Args:
        rows: which clips.
        plan: how they are read.
        megabytes: of frames that are kept in memory; numbers are always kept.
        problems: collects bad clips.
        progress: called with the share that is read.
    """
    room = megabytes * 1e6
    for k, row in enumerate(rows):
        try:
            clip = read_clip(row, plan.reader)
            labels = split_labels(row, clip, plan)
        except BadClip as error:
            problems.bad(f"{row.where}: {error}" if row.where not in str(error) else str(error))
            continue
        is_kept = clip.values.ndim == 2 or clip.values.nbytes <= room
        if is_kept and clip.values.ndim > 2:
            room -= clip.values.nbytes
        yield LoadedClip(
            values=clip.values if is_kept else None,
            source=row.source,
            labels=labels,
            length=len(clip.values),
            total=clip.total,
            thumbnails=make_thumbnails(clip.values),
            content_hash=content_hash(clip.values),
            name=row.name,
            where=row.where,
            group=row.group,
        )
        progress((k + 1) / len(rows))


def read_clip(row: ClipRow, reader: ClipReader) -> Clip:
    """The clip of a row.

    Raises:
        BadClip: where it cannot be read.
    """
    if isinstance(row.source, Path):
        return reader(row.source)
    return reader.read_rows(split_frames(row.source, reader.shape[0]))


def split_labels(row: ClipRow, clip: Clip, plan: ReadingPlan) -> tuple[str, ...]:
    """The label of a clip, or those of the frames that are read.

    Raises:
        BadClip: where there are not as many labels as frames, or several for a clip.
    """
    if not plan.per_frame:
        if isinstance(row.label, tuple):
            labels = counted(len(row.label), "label")
            raise BadClip(f"{labels} of frames for one clip; expected one label.")
        return (row.label or "",)
    each = row.label if isinstance(row.label, tuple) else tuple((row.label or "").split())
    if len(each) != clip.total:
        raise BadClip(
            f"{counted(len(each), 'label')} for {counted(clip.total, 'frame')} of {row.name}; "
            "expected one per frame (--set per=clip if the whole cell is the label of the clip)."
        )
    return each[:: plan.reader.every][: plan.reader.longest]


def learn_preprocessor(
    clips: list[LoadedClip], train: list[LoadedClip], plan: ReadingPlan, source: ClipSource
) -> FramesPreprocessor:
    """The preprocessor with the classes of all clips and the scales of the training set."""
    classes = sorted(
        different_classes(label for clip in clips for label in clip.labels),
        key=lambda name: (number(name) is None, number(name) or 0.0, name),
    )
    scaler = None
    if source.numbers:
        scaler = NumberScale.learn([clip.values for clip in train if clip.values is not None])
    return FramesPreprocessor(classes, plan.per_frame, plan.reader, scaler, plan.columns)


def check_labels(clips: list[LoadedClip], source: ClipSource, problems: Problems) -> None:
    """Check that there are classes to learn.

    Raises:
        UserError: where there are fewer than two clips or labels, or labels hardly repeat.
    """
    labels = [label for clip in clips for label in clip.labels]
    different = set(labels)
    if len(clips) < 2 or len(different) < 2:
        sentence = (
            f"{source.name} has {counted(len(clips), 'clip')} with "
            f"{counted(len(different), 'different label')}; expected at least 2 of each."
        )
        raise UserError(problems.with_messages(sentence))
    if len(labels) > 20 and len(different) > len(labels) / 2:
        raise UserError(
            f"{source.name} has {len(different):,} different labels among {len(labels):,}; expected "
            "labels that repeat. Name another column by --label."
        )
