"""Probabilities that are right as often as they say: one temperature, fitted on a validation set.

R records, K classes.
"""

from __future__ import annotations

import math

import numpy as np

NETWORK_AND_FLOOR = (0.0, 1.0)  # what the shares of their logits are before any record is seen
COLDEST, HOTTEST = 0.05, 20.0
HALVINGS = 40
SMALLEST = 1e-7  # probabilities nearer to 0 or 1 than this are noise of single precision


def fit_temperature(p: np.ndarray, targets: np.ndarray) -> float:
    """The temperature T with the lowest cross-entropy of softmax(z / T), or of sigmoid(z / T).

    When to use it: after training with smoothed targets, which leaves a network less confident than
    it is right, or after long training, which leaves it more confident. No decision changes. One
    made-up record with all classes equally likely is added: a few records that are all right do not
    prove that the next one is.

    Sources: C. Guo et al., On calibration of modern neural networks, 2017
    (https://arxiv.org/abs/1706.04599); the added record as in J. Platt, Probabilistic outputs for
    support vector machines, 1999.

    Args:
        p: probabilities at T = 1, [R, K].
        targets: classes [R], or bool [R, K] where a record may have several.

    Returns:
        T; 1 where there are no records.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.classify.calibration import fit_temperature
        >>> p = np.full((10, 2), [0.6, 0.4])  # right nine times of ten
        >>> round(fit_temperature(p, np.array([0] * 9 + [1])), 3)
        0.22
    """
    R, K = p.shape
    if not R:
        return 1.0
    multi_label = targets.ndim == 2
    true = targets.astype(float) if multi_label else np.eye(K)[targets]
    true = true + (0.5 if multi_label else 1 / K) / R

    def loss(log_temperature: float) -> float:
        q = apply_temperature(p, math.exp(log_temperature), multi_label)
        nats = -(true * np.log(q.clip(SMALLEST))).sum()
        if multi_label:
            nats -= ((1 + 1 / R - true) * np.log((1 - q).clip(SMALLEST))).sum()
        return float(nats)

    # convex in 1 / T, so that there is one minimum in log T: golden section
    low, high = math.log(COLDEST), math.log(HOTTEST)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(HALVINGS):
        step = golden * (high - low)
        if loss(high - step) <= loss(low + step):
            high = low + step
        else:
            low = high - step
    return math.exp((low + high) / 2)


def apply_temperature(p: np.ndarray, temperature: float, multi_label: bool) -> np.ndarray:
    """Probabilities [R, K] at a temperature, from those at temperature 1.

    Args:
        p: probabilities at temperature 1, [R, K].
        temperature: what the logits are divided by.
        multi_label: whether a record may have several classes.
    """
    z = np.log(p.clip(SMALLEST))
    if multi_label:
        z -= np.log((1 - p).clip(SMALLEST))
        sigmoids: np.ndarray = 1 / (1 + np.exp(-z / temperature))
        return sigmoids
    z /= temperature
    z = np.exp(z - z.max(1, keepdims=True))
    softmax: np.ndarray = z / z.sum(1, keepdims=True)
    return softmax
