"""Numbers of a tracker, scaled: values and their changes, so that neither jitter nor jumps are lost.

T time, F numbers a frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class NumberScale:
    """Each number beside its change since the frame before, in units of what is usual for it.

        y_t = [arsinh((x_t - m) / s), arsinh((x_t - x_{t-1} - n) / r)],   x_0 = x_1

    m, n: medians, s, r: median deviations from them, times 1.4826 (a normal's own deviation), of
    values and of changes. When to use it: where sequences hold small movements beside large ones and
    a few jumps, as trackers see them: arsinh is linear within the usual and logarithmic outside.

    Source: J. Burbidge et al., Alternative transformations to handle extreme values of the dependent
    variable, 1988 (https://doi.org/10.1080/01621459.1988.10478575).

    middle, unit: [2F], of values and then of changes.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.frames.scale import NumberScale
        >>> scale = NumberScale.learn([np.array([[1.0], [2.0], [4.0]])])
        >>> scale(np.array([[2.0], [2.0]])).shape
        (2, 2)
    """

    def __init__(self, middle: Sequence[float], unit: Sequence[float]) -> None:
        self.middle, self.unit = list(middle), list(unit)

    @classmethod
    def learn(cls, sequences: Sequence[np.ndarray]) -> NumberScale:
        """From sequences [T, F] of training. A number that hardly ever changes is measured in its
        deviation, one that never does in itself."""
        pairs = np.concatenate([with_changes(values) for values in sequences])
        middle = np.median(pairs, 0)
        unit = 1.4826 * np.median(np.abs(pairs - middle), 0)
        unit = np.where(unit > 0, unit, pairs.std(0))
        return cls(middle.tolist(), np.where(unit > 0, unit, 1.0).tolist())

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """float32 [T, 2F]."""
        scaled = np.arcsinh((with_changes(values) - np.array(self.middle)) / np.array(self.unit))
        return scaled.astype(np.float32)


def with_changes(values: np.ndarray) -> np.ndarray:
    """Values [T, F] beside their changes, [T, 2F]."""
    exact = values.astype(np.float64)
    return np.concatenate([exact, np.diff(exact, axis=0, prepend=exact[:1])], 1)
