"""How good the probabilities of a classifier are: accuracy, F1, calibration, loss, confusion.

R records, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from unroll.counting import counted
from unroll.errors import UserError

BINS = 15
FEW_RECORDS = 200  # fewer: an accuracy is shown with its interval
SMALLEST = 1e-12  # a smaller probability counts as this in the loss

Confusion = list[list[int]] | list[list[list[int]]]


class BaselineMetrics(TypedDict):
    """What is compared with a baseline.

    Attributes:
        loss: cross-entropy, nats per record.
        accuracy: share of records whose labels are all right.
        macro_f1: mean F1 of the classes that occur or were predicted.
        micro_f1: F1 of all decisions together.
    """

    loss: float
    accuracy: float
    macro_f1: float
    micro_f1: float


class ClassificationMetrics(BaselineMetrics):
    """Metrics of the probabilities of a classifier.

    Attributes:
        calibration_error: mean difference between the confidence of decisions and how often they
            are right, in 15 equal bins of confidence.
        records: R.
    """

    calibration_error: float
    records: int


def accuracy_interval(right: int, records: int) -> tuple[float, float]:
    """The 95% interval of an accuracy that was measured on few records (Wilson's score interval).

        (p + z^2 / 2R ± z sqrt(p (1 - p) / R + z^2 / 4R^2)) / (1 + z^2 / R),   p = right / R

    Source: E. Wilson, Probable inference, the law of succession, and statistical inference, 1927
    (https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        right: how many of the records were right.
        records: R, at least 1.

    Examples:
        >>> [round(bound, 2) for bound in accuracy_interval(5, 5)]
        [0.57, 1.0]
    """
    p, z = right / records, 1.959964
    middle = p + z * z / (2 * records)
    half = z * math.sqrt(p * (1 - p) / records + z * z / (4 * records * records))
    scale = 1 + z * z / records
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def describe_interval(accuracy: float, records: int, unit: str) -> list[str]:
    """A sentence on how exact an accuracy is; none where there are many records.

    Args:
        accuracy: 0 to 1.
        records: that it was measured on.
        unit: what a record is: "clip".

    Examples:
        >>> describe_interval(1.0, 5, "clip")
        ['Right: 5 of 5 clips; 57-100% by a 95% interval, because they are few.']
    """
    if not 0 < records < FEW_RECORDS:
        return []
    right = round(accuracy * records)
    low, high = accuracy_interval(right, records)
    return [
        f"Right: {right} of {counted(records, unit)}; {100 * low:.0f}-{100 * high:.0f}% by a 95% "
        "interval, because they are few."
    ]


class ClassMetrics(TypedDict):
    """How well one class is recognised.

    Attributes:
        label: the class.
        precision: share of the records it was predicted for that have it.
        recall: share of the records that have it for which it was predicted.
        f1: the harmonic mean of both.
        records: how many have it.
    """

    label: str
    precision: float
    recall: float
    f1: float
    records: int


def classification_metrics(
    probabilities: np.ndarray, targets: np.ndarray, unseen: Sequence[Sequence[str]] = ()
) -> ClassificationMetrics:
    """Compare probabilities with the true classes.

    The class of a record is the most likely one; where a record may have several, each class with a
    probability of at least one half. Source of the calibration error: C. Guo et al., On calibration
    of modern neural networks, 2017 (https://arxiv.org/abs/1706.04599).

    Args:
        probabilities: of each class, [R, K].
        targets: classes int64 [R], -1 for one that is not among the K; or bool [R, K] where a record
            may have several.
        unseen: the labels of each record that are not among the K classes, [R]. Such a record counts
            as wrong, and is left out of the loss where its class is -1. Default: none has any.

    Raises:
        UserError: where a probability is not a number.

    Examples:
        >>> import numpy as np
        >>> from unroll.models.classification_metrics import classification_metrics
        >>> metrics = classification_metrics(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
        >>> metrics["accuracy"], round(metrics["loss"], 2)
        (0.5, 0.51)
    """
    p, R = probabilities, len(probabilities)
    if np.isnan(p).any():
        raise UserError(
            "The network gives probabilities that are not numbers: its weights are too large. Train it "
            "again, with a lower --set learning_rate=... where it diverged."
        )
    predicted, true = predicted_classes(p, targets), true_classes(p, targets)
    number = np.array([len(each) for each in unseen] or np.zeros(R), dtype=np.int64)
    kinds = len({label for each in unseen for label in each})
    if targets.ndim == 2:
        confidence, right = np.maximum(p, 1 - p).ravel(), (predicted == true).ravel()
        loss = -np.log(np.where(true, p, 1 - p).clip(SMALLEST)).sum() / max(1, R)
    else:
        confidence, right = p.max(1, initial=0.0), (predicted == true).all(1)
        known = np.flatnonzero(targets >= 0)
        loss = -np.log(p[known, targets[known]].clip(SMALLEST)).sum() / max(1, len(known))
    both, only_predicted, only_true = (
        each.sum(0) for each in (predicted & true, predicted & ~true, true & ~predicted)
    )
    occurs = (both + only_predicted + only_true) > 0
    each_f1 = f1_score(both, only_predicted, only_true)
    all_f1 = f1_score(both.sum(), only_predicted.sum(), only_true.sum() + number.sum())
    return {
        "loss": float(loss) + 0.0,  # not -0
        "accuracy": float(((predicted == true).all(1) & (number == 0)).mean()) if R else 0.0,
        "macro_f1": float(each_f1[occurs].sum() / max(1, occurs.sum() + kinds)),
        "micro_f1": float(all_f1),
        "calibration_error": calibration_error(confidence, right),
        "records": R,
    }


def class_metrics(
    probabilities: np.ndarray, targets: np.ndarray, classes: Sequence[str]
) -> list[ClassMetrics]:
    """Precision, recall and F1 of each class.

    Args:
        probabilities: as for `classification_metrics`.
        targets: likewise.
        classes: the labels, [K].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.classification_metrics import class_metrics
        >>> p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> [each["precision"] for each in class_metrics(p, np.array([0, 1, 1]), ["ham", "spam"])]
        [0.5, 1.0]
    """
    p = probabilities
    predicted, true = predicted_classes(p, targets), true_classes(p, targets)
    both, chosen, own = (predicted & true).sum(0), predicted.sum(0), true.sum(0)
    f1 = f1_score(both, chosen - both, own - both)
    return [
        {
            "label": name,
            "precision": float(both[k] / max(1, chosen[k])),
            "recall": float(both[k] / max(1, own[k])),
            "f1": float(f1[k]),
            "records": int(own[k]),
        }
        for k, name in enumerate(classes)
    ]


def baseline_metrics(
    probabilities: np.ndarray, targets: np.ndarray, unseen: Sequence[Sequence[str]] = ()
) -> BaselineMetrics:
    """The metrics of a baseline; arguments as for `classification_metrics`."""
    metrics = classification_metrics(probabilities, targets, unseen)
    return {
        "loss": metrics["loss"],
        "accuracy": metrics["accuracy"],
        "macro_f1": metrics["macro_f1"],
        "micro_f1": metrics["micro_f1"],
    }


def confusion_matrix(probabilities: np.ndarray, targets: np.ndarray) -> Confusion:
    """How often each class is predicted for each true class.

    Args:
        probabilities: of each class, [R, K].
        targets: classes int64 [R], or bool [R, K] where a record may have several.

    Returns:
        Counts [K][K], one row per true class. Where a record may have several classes, for each
        class [[neither, only predicted], [only true, both]].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.classification_metrics import confusion_matrix
        >>> confusion_matrix(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
        [[1, 0], [1, 0]]
    """
    p, K = probabilities, probabilities.shape[1]
    if targets.ndim == 1:
        counts = np.zeros((K, K), dtype=np.int64)
        known = targets >= 0
        chosen = predicted_classes(p, targets).argmax(1)[known]
        np.add.at(counts, (targets[known], chosen), 1)
        matrix: list[list[int]] = counts.tolist()
        return matrix
    predicted = predicted_classes(p, targets)
    cells = (~targets & ~predicted, ~targets & predicted, targets & ~predicted, targets & predicted)
    tables = np.stack([cell.sum(0) for cell in cells], 1).reshape(K, 2, 2)
    by_class: list[list[list[int]]] = tables.tolist()
    return by_class


def most_frequent_mistakes(confusion: Confusion, classes: list[str], most: int = 3) -> str:
    """The pairs of classes that are mistaken most often, for people; "" where there are none.

    Args:
        confusion: as `confusion_matrix` returns it; where records may have several labels, "" is
            returned.
        classes: the labels, [K].
        most: how many pairs are named.

    Examples:
        >>> from unroll.models.classification_metrics import most_frequent_mistakes
        >>> most_frequent_mistakes([[5, 2], [1, 7]], ["ham", "spam"])
        'ham as spam (2 times), spam as ham (1 time)'
    """
    counts = np.array(confusion)
    if counts.ndim != 2:
        return ""
    np.fill_diagonal(counts, 0)
    worst = np.argsort(-counts, axis=None, kind="stable")[:most]
    pairs = [divmod(int(k), len(classes)) for k in worst if counts.flat[k]]
    return ", ".join(
        f"{classes[true]} as {classes[predicted]} ({counted(int(counts[true, predicted]), 'time')})"
        for true, predicted in pairs
    )


def predicted_classes(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Which classes are predicted for each record, bool [R, K]; `targets` say if several may be."""
    if targets.ndim == 2:
        return probabilities >= 0.5
    R, K = probabilities.shape
    choice = probabilities.argmax(1) if R else np.zeros(0, dtype=np.int64)
    return choice[:, None] == np.arange(K)


def true_classes(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Which classes each record has, bool [R, K]."""
    return targets if targets.ndim == 2 else targets[:, None] == np.arange(probabilities.shape[1])


def f1_score(both: np.ndarray, only_predicted: np.ndarray, only_true: np.ndarray) -> np.ndarray:
    """F1 from counts: 2 both / (2 both + only predicted + only true); 0 where all are 0.

    Args:
        both: how many records have a class that was predicted for them, of each class [K] or in all.
        only_predicted: how many do not have it, and it was predicted.
        only_true: how many have it, and it was not predicted.
    """
    return np.asarray(2 * both / np.maximum(1, 2 * both + only_predicted + only_true))


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The sum over bins of (share of decisions in it) * |mean confidence - share of right ones|."""
    if not len(confidence):
        return 0.0
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    differences = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(differences).sum() / len(confidence))
