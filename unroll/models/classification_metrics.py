"""How good a classifier's probabilities are: accuracy, F1, calibration, confusion, loss.

R records, K classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 15
SMALLEST = 1e-12  # a probability below counts as this one in the loss


def judged(p: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """The figures of probabilities [R, K] for the true classes [R], or bool [R, K] where a record
    may have several; then what is at least one half is said.

    accuracy: share of records with all right. macro_f1: the mean of each class's F1, over those
    classes that are there or were said. micro_f1: F1 of all decisions together.
    calibration_error: the expected difference between how sure it was and how often it was right,
    in 15 equal bins (C. Guo et al. 2017, https://arxiv.org/abs/1706.04599). loss: nats a record.
    confusion: [K][K], a row a true class; or for each class [[neither, said], [true, both]].

    Example:
        >>> import numpy as np
        >>> from unroll.models.classification_metrics import judged
        >>> figures = judged(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
        >>> figures["accuracy"], figures["confusion"]
        (0.5, [[1, 0], [1, 0]])
    """
    R, K = p.shape
    several = targets.ndim == 2
    if several:
        said, true = p >= 0.5, targets
        sure, right = np.maximum(p, 1 - p).ravel(), (said == true).ravel()
        loss = -np.log(np.where(true, p, 1 - p).clip(SMALLEST)).sum() / max(1, R)
        accuracy = (said == true).all(1).mean() if R else 0.0
    else:
        choice = p.argmax(1) if R else np.zeros(0, dtype=np.int64)
        classes = np.arange(K)
        said, true = choice[:, None] == classes, targets[:, None] == classes
        sure, right = p.max(1, initial=0.0), choice == targets
        loss = -np.log(p[np.arange(R), targets].clip(SMALLEST)).sum() / max(1, R)
        accuracy = right.mean() if R else 0.0
    both, only_said, only_true = (said & true).sum(0), (said & ~true).sum(0), (true & ~said).sum(0)
    if several:
        neither = R - both - only_said - only_true
        confusion = np.stack([neither, only_said, only_true, both], 1).reshape(K, 2, 2)
    else:
        confusion = np.zeros((K, K), dtype=np.int64)
        np.add.at(confusion, (targets, choice), 1)
    there = (both + only_said + only_true) > 0
    each = f1(both, only_said, only_true)
    return {
        "loss": float(loss) + 0.0,  # not -0
        "accuracy": float(accuracy),
        "macro_f1": float(each[there].mean()) if there.any() else 0.0,
        "micro_f1": float(f1(both.sum(), only_said.sum(), only_true.sum())),
        "calibration_error": calibration_error(sure, right),
        "records": R,
        "confusion": confusion.tolist(),
    }


def f1(both: Any, only_said: Any, only_true: Any) -> Any:
    """2 both / (2 both + only said + only true); 0 where nothing is there."""
    return 2 * both / np.maximum(1, 2 * both + only_said + only_true)


def calibration_error(sure: np.ndarray, right: np.ndarray) -> float:
    """sum over bins of (share of decisions in it) * |mean sureness - share of right ones|."""
    if not len(sure):
        return 0.0
    bin = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    apart = np.bincount(bin, weights=sure - right, minlength=BINS)
    return float(np.abs(apart).sum() / len(sure))
