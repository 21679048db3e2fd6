"""The distance over which a gradient halves: the whole curve as one number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

STEADY = 1e-7  # a rate below it is rounding: weights drawn in float32 are no better orthogonal


def rate(norms: Sequence[float]) -> float | None:
    """How fast norms grow from one step to the next further back, in nats per step; negative: they fall.

    The slope of the least-squares line through log norm, over the steps before it becomes zero or
    overflows. None where fewer than two steps are left: there is nothing to fit.

    Examples:
        >>> round(rate([1.0, 0.5, 0.25, 0.125]), 6)
        -0.693147
    """
    usable = []
    for norm in norms:
        if not (norm > 0 and math.isfinite(norm)):
            break
        usable.append(math.log(norm))
    if len(usable) < 2:
        return None
    steps = np.arange(len(usable)) - (len(usable) - 1) / 2
    return float(steps @ np.array(usable) / (steps @ steps))


def halving_distance(norms: Sequence[float]) -> float | None:
    """Steps back over which the gradient halves; negative: over which it doubles; inf: neither.

    When to use it: to compare cells, starts and trained models by one number. For h' = a h it is
    log(1/2) / log(a). None where the gradient is zero at once.

    Examples:
        >>> halving_distance([1.0, 0.5, 0.25])
        1.0
    """
    slope = rate(norms)
    if slope is None:
        return None
    return math.inf if abs(slope) < STEADY else -math.log(2) / slope


def halving_in_words(distance: float | None) -> str:
    """A distance in words: `halves every 1.3 steps`, `stays as it is`, `is zero at once`."""
    if distance is None:
        return "is zero at once"
    if math.isinf(distance):
        return "stays as it is"
    return f"{'halves' if distance > 0 else 'doubles'} every {steps_in_words(abs(distance))}"


def steps_in_words(steps: float) -> str:
    """Three significant digits: 0.0123, 1.35, 120."""
    return f"{steps:,.0f} steps" if steps >= 100 else f"{steps:.3g} steps"
