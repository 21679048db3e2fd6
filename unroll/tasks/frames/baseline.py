"""The class whose mean is nearest: what a classifier of frames has to beat.

R records, D numbers, K classes.
"""

from __future__ import annotations

import numpy as np

SMALLEST = 1e-6


class NearestCentroid:
    """The class whose mean is nearest, with each number measured in its own deviation.

        d_k = mean_j ((x_j - m_kj) / s_j)^2        said: the class of the least d_k

    m_k: the mean of class k; s: the deviation of what is left when each record's own class mean is
    taken off. When to use it: as the floor beside a network.

    Source: R. Tibshirani et al., Diagnosis of multiple cancer types by shrunken centroids of gene
    expression, 2002 (https://doi.org/10.1073/pnas.082099299), without the shrinking.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.frames.baseline import NearestCentroid
        >>> x = np.array([[0.0], [1.0], [8.0], [9.0]])
        >>> NearestCentroid.learn(x, np.array([0, 0, 1, 1]), 2)(np.array([[2.0], [7.0]])).tolist()
        [0, 1]
    """

    def __init__(self, means: np.ndarray, deviation: np.ndarray) -> None:
        self.means, self.deviation = means, deviation

    @classmethod
    def learn(cls, x: np.ndarray, targets: np.ndarray, classes: int) -> NearestCentroid:
        """From records [R, D] and their classes [R]; a class without records is never said."""
        x = x.astype(np.float64)
        counts = np.bincount(targets, minlength=classes)
        means = np.zeros((classes, x.shape[1]))
        np.add.at(means, targets, x)
        means /= np.maximum(1, counts)[:, None]
        deviation = np.sqrt(((x - means[targets]) ** 2).mean(0))
        deviation[deviation < SMALLEST] = max(SMALLEST, float(deviation.mean()))
        means[counts == 0] = np.inf
        return cls(means, deviation)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The class of each of records [R, D], int64 [R]."""
        scaled, means = x / self.deviation, self.means / self.deviation
        apart = [((scaled - mean) ** 2).mean(1) for mean in means]
        return np.stack(apart, 1).argmin(1)
