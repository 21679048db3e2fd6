"""What a model of clips shows of its validation set: each record's class, and clips frame by frame.

T frames of a clip, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.frames.dataset import ClipDataset
from unroll.tasks.frames.prefixes import prefix_probabilities
from unroll.tasks.frames.probabilities import TrainedFrames, combined_probabilities
from unroll.tasks.frames.reader import FramesData
from unroll.tasks.pictures import ClassifiedRecords, ClipStrip, ClipStrips, TaskPicture

CLIPS = 2000  # that are read at most
SHOWN = 6  # clips frame by frame
PICTURES, PREFIXES = (
    6,
    12,
)  # frames that are shown of a clip, and frames after which it is classified


def shown_clips(
    trained: TrainedFrames, data: FramesData, progress: Progress
) -> Iterator[TaskPicture]:
    """All records with their probabilities; some clips over time, mistakes among them.

    Args:
        trained: the model.
        data: of the run.
        progress: called with the share that is done.
    """
    preprocessor = trained.preprocessor
    valid, size = data.valid, len(data.valid)
    if size > CLIPS:
        valid = valid.take(evenly_spread(size, CLIPS).tolist())
    each, _ = combined_probabilities(trained, valid, progress)
    names = [
        f"{clip.name}, frame {t + 1}" if preprocessor.per_frame else clip.name
        for clip, p in zip(valid.clips, each, strict=True)
        for t in range(len(p))
    ]
    total = len(data.valid.targets)
    classes, p = preprocessor.classes, np.concatenate(each)
    yield ClassifiedRecords(classes, p, valid.targets, names, preprocessor.unit, total)
    chosen = chosen_clips(valid, each)
    strips = [clip_strip(trained, valid, row, each[row]) for row in chosen]
    yield ClipStrips(strips, classes, preprocessor.per_frame, size)


def chosen_clips(valid: ClipDataset, probabilities: list[np.ndarray]) -> list[int]:
    """The clips to show: half of them where mistakes are most confident, and others, evenly spread."""
    wrong = []
    for row, p in enumerate(probabilities):
        is_wrong = p.argmax(1) != valid.target(row)
        if is_wrong.any():
            wrong.append((-float(p.max(1)[is_wrong].mean() * is_wrong.mean()), row))
    mistakes = [row for _, row in sorted(wrong)[: SHOWN // 2]]
    others = [row for row in range(len(valid)) if row not in mistakes]
    return [*mistakes, *(others[k] for k in evenly_spread(len(others), SHOWN - len(mistakes)))]


def clip_strip(trained: TrainedFrames, valid: ClipDataset, row: int, p: np.ndarray) -> ClipStrip:
    """One clip over its frames.

    Args:
        trained: the model.
        valid: the clips.
        row: which one.
        p: its probabilities, [1, K] or [T, K].
    """
    classes, values = trained.preprocessor.classes, valid.values(row)
    T = len(values)
    if trained.preprocessor.per_frame:
        at, over_time = list(range(1, T + 1)), p
        actual = [classes[k] for k in valid.target(row)]
        predicted = [classes[k] for k in p.argmax(1)]
    else:
        at = [int(t) + 1 for t in evenly_spread(T, PREFIXES)]
        over_time = prefix_probabilities(trained, values, at)
        actual, predicted = [classes[int(valid.target(row)[0])]], [classes[int(p[0].argmax())]]
    places = [int(t) for t in evenly_spread(T, PICTURES)] if values.ndim == 4 else []
    return ClipStrip(
        name=valid.clips[row].name,
        frames=as_pictures(values[places]) if places else np.asarray(values),
        places=[t + 1 for t in places],
        at=at,
        probabilities=over_time,
        actual=actual,
        predicted=predicted,
    )


def as_pictures(frames: np.ndarray) -> np.ndarray:
    """Frames [N, C, H, W] as colours [N, H, W, 3]; grey ones three times the same."""
    last = np.moveaxis(frames, 1, -1)
    return np.repeat(last, 3, -1) if last.shape[-1] == 1 else last[..., :3]
