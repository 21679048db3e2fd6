"""Probabilities that are as often right as they say: one temperature, fitted on held-out records.

R records, K classes.
"""

from __future__ import annotations

import math

import numpy as np

COLDEST, HOTTEST = 0.05, 20.0
HALVINGS = 40
SMALLEST = 1e-7  # probabilities nearer to 0 or 1 are of single precision


def fit_temperature(p: np.ndarray, targets: np.ndarray) -> float:
    """The temperature T with the lowest cross-entropy of softmax(z / T), or sigmoid(z / T).

    When to use it: after training with smoothed targets, which leaves a network less sure than it is
    right, or for long, which leaves it surer. No decision changes. 1 where nothing is to be fitted.
    One record more is made up, of any class as likely as any other: few records that all are right
    are no proof that the next one is.

    p: probabilities at T = 1, [R, K]. targets: classes [R], or bool [R, K].
    Sources: C. Guo et al., On calibration of modern neural networks, 2017
    (https://arxiv.org/abs/1706.04599); the record more as in J. Platt, Probabilistic outputs for
    support vector machines, 1999.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.classify.calibration import fit_temperature
        >>> p = np.full((10, 2), [0.6, 0.4])  # right nine times of ten
        >>> round(fit_temperature(p, np.array([0] * 9 + [1])), 3)
        0.22
    """
    R, K = p.shape
    if not R:
        return 1.0
    several = targets.ndim == 2
    true = targets.astype(float) if several else np.eye(K)[targets]
    true = true + (0.5 if several else 1 / K) / R

    def loss(place: float) -> float:
        q = tempered(p, math.exp(place), several)
        nats = -(true * np.log(q.clip(SMALLEST))).sum()
        if several:
            nats -= ((1 + 1 / R - true) * np.log((1 - q).clip(SMALLEST))).sum()
        return float(nats)

    # convex in 1 / T, so that there is one valley in log T: golden section
    low, high = math.log(COLDEST), math.log(HOTTEST)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(HALVINGS):
        step = golden * (high - low)
        if loss(high - step) <= loss(low + step):
            high = low + step
        else:
            low = high - step
    return math.exp((low + high) / 2)


def tempered(p: np.ndarray, temperature: float, several: bool) -> np.ndarray:
    """Probabilities [R, K] at a temperature, from those at 1."""
    z = np.log(p.clip(SMALLEST))
    if several:
        z -= np.log((1 - p).clip(SMALLEST))
        odds: np.ndarray = 1 / (1 + np.exp(-z / temperature))
        return odds
    z /= temperature
    z = np.exp(z - z.max(1, keepdims=True))
    found: np.ndarray = z / z.sum(1, keepdims=True)
    return found
