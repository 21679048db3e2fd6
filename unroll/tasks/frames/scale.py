"""Scale the numbers of a tracker: values and their changes, so that small and large ones both count.

T time, F numbers per frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class NumberScale:
    """Scales each number, and its change since the frame before, by their usual sizes.

        y_t = [arsinh((x_t - m) / s), arsinh((x_t - x_{t-1} - n) / r)],   x_0 = x_1

    m and n are the medians of values and of changes; s and r the median absolute deviations from
    them, times 1.4826, which makes them the standard deviation of normal numbers.

    When to use it: where sequences hold small movements, large ones and a few jumps, as trackers
    give them: arsinh is linear for usual sizes and logarithmic beyond.

    Source: J. Burbidge et al., Alternative transformations to handle extreme values of the dependent
    variable, 1988 (https://doi.org/10.1080/01621459.1988.10478575).

    Attributes:
        middle: 2F medians, of values and then of changes.
        unit: 2F deviations.

    Examples:
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
        """The scale of the training set.

        Where the median deviation is 0, the standard deviation is taken; where that is 0 too, 1.

        Args:
            sequences: [T, F] each.
        """
        pairs = np.concatenate([with_changes(values) for values in sequences])
        middle = np.median(pairs, 0)
        unit = 1.4826 * np.median(np.abs(pairs - middle), 0)
        unit = np.where(unit > 0, unit, pairs.std(0))
        return cls(middle.tolist(), np.where(unit > 0, unit, 1.0).tolist())

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scaled values and changes, float32 [T, 2F], of values [T, F]."""
        scaled = np.arcsinh((with_changes(values) - np.array(self.middle)) / np.array(self.unit))
        return scaled.astype(np.float32)


def with_changes(values: np.ndarray) -> np.ndarray:
    """Values [T, F] and their changes, [T, 2F]."""
    exact = values.astype(np.float64)
    return np.concatenate([exact, np.diff(exact, axis=0, prepend=exact[:1])], 1)
