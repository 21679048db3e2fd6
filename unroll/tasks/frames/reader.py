"""Clips with labels made ready to learn: read once, in two parts, and the preprocessor of the first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.series import number
from unroll.errors import UserError
from unroll.tasks.frames.clips import Clip, Reading, clip_size
from unroll.tasks.frames.number_rows import guess_features, read_numbers
from unroll.tasks.frames.preprocessor import Framed, FramesPreprocessor, Loaded, framed, mark, small
from unroll.tasks.frames.scale import NumberScale
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.sources import ClipRow, ClipSource, find_clips
from unroll.tasks.frames.split import parted, without_strangers
from unroll.tasks.frames.video import BadClip

LOOK = 5  # clips that tell whether labels are the frames'
HIGHEST = 64  # pixels of a frame, where size is left out
Watch = Callable[[float], None]


@dataclass(frozen=True)
class FramedData:
    """What was read. source: where from. train, valid: the two parts. said: what was guessed. moved:
    clips that would be held out, but whose label is nowhere else. told: of bad records."""

    source: ClipSource
    preprocessor: FramesPreprocessor
    train: Framed
    valid: Framed
    sha256: str
    validation_set: str
    said: tuple[str, ...]
    moved: int
    told: tuple[str, ...]


def read_framed(
    path: str,
    settings: FramesSettings,
    watch: Watch,
    preprocessor: FramesPreprocessor | None = None,
    problems: Problems | None = None,
) -> FramedData:
    """Clips in two parts; scales are learned from the first alone. Every clip is read once here, so
    that all that is bad is met before training.

    watch: told the share that is read. preprocessor: the run's own, where a run is resumed. problems: told
    what is bad; left out, as the settings say.
    Raises: UserError, in a sentence, for data that cannot be used.
    """
    problems = problems or Problems(settings.skip_bad)
    source = source_of(path, settings)
    rows = list(source.rows(problems))
    said = list(source.said)
    if preprocessor is not None:
        reading, per_frame, columns = (
            preprocessor.reading,
            preprocessor.per_frame,
            preprocessor.columns,
        )
    else:
        check_some(rows, source, problems)
        reading, told = reading_of(rows, source, settings)
        said += told
        per_frame = labels_are_frames(rows, reading, settings)
        columns = rows[0].source.size if isinstance(rows[0].source, np.ndarray) else None
    room = Room(settings.cache)
    clips = list(load_clips(rows, reading, per_frame, room, problems, watch))
    check_labels(clips, source, problems)
    digest = hashlib.sha256(json.dumps([(c.labels, c.mark) for c in clips]).encode())
    apart, moved, where = np.zeros(len(clips), dtype=bool), 0, settings.valid or ""
    if settings.valid is None:
        apart, where = parted(clips, source, settings.by)
        apart, moved = without_strangers(apart, clips)
    train = [clip for clip, held in zip(clips, apart, strict=True) if not held]
    valid = [clip for clip, held in zip(clips, apart, strict=True) if held]
    if preprocessor is None:
        preprocessor = learned(clips, train, reading, per_frame, columns, source)
    if settings.valid is not None:
        other = source_of(settings.valid, settings, source)
        valid = list(load_for(preprocessor, other, settings, problems, watch))
        digest.update(json.dumps([(c.labels, c.mark) for c in valid]).encode())
    if not train or not valid:
        raise UserError(
            f"{path} leaves {counted(len(train), 'clip')} to learn from and {len(valid):,} held out "
            f"({where}); "
            "expected some of each. Give more clips."
        )
    return FramedData(
        source,
        preprocessor,
        framed(train, preprocessor, problems),
        framed(valid, preprocessor, problems),
        digest.hexdigest(),
        where,
        tuple(said),
        moved,
        tuple(problems.messages()),
    )


def source_of(path: str, settings: FramesSettings, like: ClipSource | None = None) -> ClipSource:
    """The clips at a path, in the columns of the settings, or of the training data."""
    video, label, by = settings.video, settings.label, settings.by
    if like is not None:
        video, label, by = video or like.video, label or like.label, None
    return find_clips(path, video=video, label=label, by=by, label_names=settings.label_names)


def load_for(
    preprocessor: FramesPreprocessor,
    source: ClipSource,
    settings: FramesSettings,
    problems: Problems,
    watch: Watch,
) -> Iterator[Loaded]:
    """The clips of other data, read as the preprocessor's own.

    Raises: UserError where they are of another kind: numbers and pictures.
    """
    check_kind(source, preprocessor)
    rows = list(source.rows(problems))
    room = Room(settings.cache)
    yield from load_clips(rows, preprocessor.reading, preprocessor.per_frame, room, problems, watch)


def check_kind(source: ClipSource, preprocessor: FramesPreprocessor) -> None:
    """Raises: UserError where clips are of another kind than in training: numbers and pictures, rows
    of a table and files."""
    kinds = ["pictures", "numbers", "numbers in rows"]
    has = 2 if source.wide is not None else int(source.numbers)
    wanted = 2 if preprocessor.columns is not None else int(preprocessor.scaler is not None)
    if has != wanted:
        raise UserError(
            f"{source.name} holds clips of {kinds[has]}; expected {kinds[wanted]}, as in training."
        )


class Room:
    """How many bytes of frames may still be kept in memory."""

    def __init__(self, megabytes: float) -> None:
        self.left = megabytes * 1e6

    def take(self, values: np.ndarray) -> bool:
        """Whether these fit; then they count."""
        if values.nbytes > self.left:
            return False
        self.left -= values.nbytes
        return True


def load_clips(
    rows: list[ClipRow],
    reading: Reading,
    per_frame: bool,
    room: Room,
    problems: Problems,
    watch: Watch,
) -> Iterator[Loaded]:
    """Every clip read once; what is bad is said to `problems`."""
    for k, row in enumerate(rows):
        try:
            clip = read_row(row, reading)
            labels = labels_of(row, clip, reading, per_frame)
        except BadClip as error:
            problems.bad(f"{row.where}: {error}" if row.where not in str(error) else str(error))
            continue
        kept = clip.values.ndim == 2 or room.take(clip.values)
        yield Loaded(
            values=clip.values if kept else None,
            source=row.source,
            labels=labels,
            length=len(clip.values),
            total=clip.total,
            thumbs=small(clip.values),
            mark=mark(clip.values),
            name=row.name,
            where=row.where,
            group=row.group,
        )
        watch((k + 1) / len(rows))


def read_row(row: ClipRow, reading: Reading) -> Clip:
    """The clip of a row."""
    if isinstance(row.source, Path):
        return reading(row.source)
    return reading.of_numbers(row.source.reshape(-1, reading.shape[0]))


def labels_of(row: ClipRow, clip: Clip, reading: Reading, per_frame: bool) -> tuple[str, ...]:
    """The label of a clip, or those of the frames that are read.

    Raises: BadClip where they are not as many as frames.
    """
    if not per_frame:
        if isinstance(row.label, tuple):
            labels = counted(len(row.label), "label")
            raise BadClip(f"{labels}, of frames, for one clip; expected one.")
        return (row.label or "",)
    each = row.label if isinstance(row.label, tuple) else tuple((row.label or "").split())
    if len(each) != clip.total:
        raise BadClip(
            f"{counted(len(each), 'label')} for {counted(clip.total, 'frame')} of {row.name}; expected "
            "one a frame "
            "(--set per=clip where the whole cell is the clip's label)."
        )
    return each[:: reading.every][: reading.longest]


def reading_of(
    rows: list[ClipRow], source: ClipSource, settings: FramesSettings
) -> tuple[Reading, list[str]]:
    """How the clips are read, from the settings and the first of them that can be; what was guessed."""
    every, longest, strip = settings.every, settings.longest, settings.frames
    if source.wide is not None:
        wide = source.wide
        columns = [name for k, name in enumerate(wide.names) if k != wide.label]
        said, features = [], settings.features
        if features is None:
            values = np.stack([row.source for row in rows if isinstance(row.source, np.ndarray)])
            names = tuple(columns) if wide.header else ("",) * len(columns)
            features, why = guess_features(names, values)
            said = [f"features: {features} numbers a frame, {why} (change by --set features)"]
        if len(columns) % features:
            raise UserError(
                f"{wide.name} has {len(columns)} numbers in a row, which are no frames of "
                f"{features} each (--set features=N)."
            )
        return Reading((features,), every, longest), said
    paths = [row.source for row in rows if isinstance(row.source, Path)]
    trouble: BadClip | None = None
    for path in paths:
        try:
            if source.numbers:
                return Reading((read_numbers(path).shape[1],), every, longest), []
            height, width = clip_size(path, strip)
        except BadClip as error:
            trouble = trouble or error
            continue
        size = settings.size or min(height, HIGHEST)
        wide_size = max(4, round(width * size / height))
        return Reading((1 if settings.grey else 3, size, wide_size), every, longest, strip), []
    raise UserError(f"{source.name}: no clip can be read. The first: {trouble}")


def labels_are_frames(rows: list[ClipRow], reading: Reading, settings: FramesSettings) -> bool:
    """Whether labels are those of frames: as asked, or as many as there are in most of the first."""
    if settings.per != "auto":
        return settings.per == "frame"
    if any(isinstance(row.label, tuple) for row in rows):
        return True
    asked = [row for row in rows if isinstance(row.label, str) and len(row.label.split()) > 1]
    if 2 * len(asked) < len(rows):
        return False
    fit = 0
    for row in asked[:LOOK]:
        try:
            fit += len(str(row.label).split()) == read_row(row, reading).total
        except BadClip:
            continue
    return 2 * fit > len(asked[:LOOK])


def learned(
    clips: list[Loaded],
    train: list[Loaded],
    reading: Reading,
    per_frame: bool,
    columns: int | None,
    source: ClipSource,
) -> FramesPreprocessor:
    """Classes of all clips, and scales of the training part."""
    classes = sorted(
        {label for clip in clips for label in clip.labels},
        key=lambda name: (number(name) is None, number(name) or 0.0, name),
    )
    scaler = None
    if source.numbers:
        scaler = NumberScale.learn([clip.values for clip in train if clip.values is not None])
    return FramesPreprocessor(classes, per_frame, reading, scaler, columns)


def check_some(rows: list[ClipRow], source: ClipSource, problems: Problems) -> None:
    if len(rows) < 2:
        clips = counted(len(rows), "clip")
        said = [f"{source.name} names {clips}; expected at least 2.", *problems.messages()]
        raise UserError(" ".join(said))


def check_labels(clips: list[Loaded], source: ClipSource, problems: Problems) -> None:
    """Raises: UserError where there is nothing to tell apart, or labels never come back."""
    labels = [label for clip in clips for label in clip.labels]
    kinds = set(labels)
    if len(clips) < 2 or len(kinds) < 2:
        raise UserError(
            " ".join(
                [
                    f"{source.name} holds {counted(len(clips), 'clip')} with "
                    f"{counted(len(kinds), 'different label')}; "
                    "expected at least 2 of each to learn what tells them apart.",
                    *problems.messages(),
                ]
            )
        )
    if len(labels) > 20 and len(kinds) > len(labels) / 2:
        raise UserError(
            f"{source.name} holds {len(kinds):,} different labels of {len(labels):,}; a label "
            "comes back many times. Name another column by --label."
        )
