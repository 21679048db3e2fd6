"""Labels of frames as segments: what is seen from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segment:
    """first, last: frames of the file, from 1. begin, end: seconds; None where they are not known.
    probability: of the label, the mean over the segment's frames."""

    label: str
    first: int
    last: int
    begin: float | None
    end: float | None
    probability: float


def segments(
    p: np.ndarray,
    classes: Sequence[str],
    every: int = 1,
    total: int | None = None,
    times: np.ndarray | None = None,
) -> list[Segment]:
    """Frames in a row with the same likeliest label.

    p: probabilities [T, K]. every: each stands for so many frames of a file of `total`. times:
    seconds at which each begins, and the end, [T + 1].

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.frames.segments import segments
        >>> found = segments(np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), ["walk", "jump"])
        >>> [(s.label, s.first, s.last) for s in found]
        [('walk', 1, 2), ('jump', 3, 3)]
    """
    said = p.argmax(1)
    starts = np.flatnonzero(np.diff(said, prepend=-1))
    found = []
    for at, until in zip(starts, [*starts[1:], len(said)], strict=True):
        last = until * every
        found.append(
            Segment(
                label=classes[said[at]],
                first=int(at) * every + 1,
                last=int(last if total is None else min(last, total)),
                begin=None if times is None else round(float(times[at]), 3),
                end=None if times is None else round(float(times[until]), 3),
                probability=float(p[at:until, said[at]].mean()),
            )
        )
    return found


def seconds(time: float) -> str:
    """Seconds as people read them: 12.30 s, or 1:02:03.40."""
    if time < 60:
        return f"{time:.2f} s"
    hours, rest = divmod(time, 3600)
    minutes, rest = divmod(rest, 60)
    head = f"{hours:.0f}:{minutes:02.0f}" if hours else f"{minutes:.0f}"
    return f"{head}:{rest:05.2f}"
