"""Labels of frames as segments: which label holds from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segment:
    """Consecutive frames with the same label.

    Attributes:
        label: the most likely class of each frame.
        first: first frame in the file, from 1.
        last: last frame in the file.
        begin: seconds; None where they are unknown.
        end: seconds; None where they are unknown.
        probability: of the label, the mean over the frames.
    """

    label: str
    first: int
    last: int
    begin: float | None
    end: float | None
    probability: float


def split_segments(
    p: np.ndarray,
    classes: Sequence[str],
    every: int = 1,
    total: int | None = None,
    times: np.ndarray | None = None,
) -> list[Segment]:
    """Split frames into segments with the same most likely label.

    Args:
        p: probabilities [T, K].
        classes: K labels.
        every: frames of the file per frame that was read.
        total: frames of the file. Default: as many as were read.
        times: seconds at which each frame begins, and the end, [T + 1]. Default: unknown.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.frames.segments import split_segments
        >>> found = split_segments(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["walk", "jump"])
        >>> [(s.label, s.first, s.last) for s in found]
        [('walk', 1, 2), ('jump', 3, 3)]
    """
    predicted = p.argmax(1)
    starts = np.flatnonzero(np.diff(predicted, prepend=-1))
    found = []
    for at, until in zip(starts, [*starts[1:], len(predicted)], strict=True):
        last = until * every
        found.append(
            Segment(
                label=classes[predicted[at]],
                first=int(at) * every + 1,
                last=int(last if total is None else min(last, total)),
                begin=None if times is None else round(float(times[at]), 3),
                end=None if times is None else round(float(times[until]), 3),
                probability=float(p[at:until, predicted[at]].mean()),
            )
        )
    return found


def format_seconds(time: float) -> str:
    """Seconds for people: 12.30 s, or 1:02:03.40."""
    if time < 60:
        return f"{time:.2f} s"
    hours, rest = divmod(time, 3600)
    minutes, rest = divmod(rest, 60)
    head = f"{hours:.0f}:{minutes:02.0f}" if hours else f"{minutes:.0f}"
    return f"{head}:{rest:05.2f}"


def format_segment(segment: Segment) -> str:
    """A segment with its times, or with its frames where the times are unknown."""
    where = f"frames {segment.first}-{segment.last}"
    if segment.begin is not None and segment.end is not None:
        where = f"{format_seconds(segment.begin)}-{format_seconds(segment.end)}"
    return f"{segment.label} {segment.probability:.0%} ({where})"
