"""What is computed in the lesson on clipping, starts and truncation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf
from unroll.learn.lessons.vanishing import share_left_of_rnn

BLOCK, LETTER = 25, 60
SAME = 1e-6  # relative difference of two shares that are the same


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    without, clipped = share_left_of_rnn(gain=1.0), share_left_of_rnn(gain=1.0, clip=1.0)
    same = math.isclose(without, clipped, rel_tol=SAME)
    gradients = [np.array([3.0]), np.array([0.0, 4.0])]
    return [
        Number((LETTER - 1) % BLOCK, within=0),
        OneOf(a=clipped > without and not same, b=same, c=clipped < without and not same),
        Code("clip", clip, [(gradients, 1.0), (gradients, 10.0), ([np.ones((2, 2))], 0.5)]),
    ]


def clip(gradients: Sequence[np.ndarray], limit: float) -> list[np.ndarray]:
    """The gradients, at most so long together."""
    length = math.sqrt(sum(float((g**2).sum()) for g in gradients))
    factor = min(1.0, limit / length) if length > 0 else 1.0
    return [g * factor for g in gradients]
