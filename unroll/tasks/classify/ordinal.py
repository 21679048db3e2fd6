"""Labels that are whole numbers in a row, such as ratings from 1 to 5: how far predictions are off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

FEWEST = 3  # labels in a row


class OrdinalMetrics(TypedDict):
    """How far predicted numbers are from true ones.

    Attributes:
        mean_absolute_error: mean of |predicted - true|.
        median: the number in the middle of the true ones.
        median_error: the mean absolute error of a model that always says the median.
        far: share of the records that are off by more than one, 0 to 1.
    """

    mean_absolute_error: float
    median: int
    median_error: float
    far: float


def values_in_row(labels: Sequence[str]) -> list[int] | None:
    """The numbers that labels are; None where they are not at least three whole numbers in a row.

    Examples:
        >>> from unroll.tasks.classify.ordinal import values_in_row
        >>> values_in_row(["1", "2", "3"]), values_in_row(["1", "3", "5"]), values_in_row(["a", "b", "c"])
        ([1, 2, 3], None, None)
    """
    try:
        values = [int(label) for label in labels]
    except ValueError:
        return None
    rows = list(range(min(values, default=0), min(values, default=0) + len(values)))
    return values if len(values) >= FEWEST and sorted(values) == rows else None


def ordinal_metrics(
    confusion: Sequence[Sequence[int]], labels: Sequence[str]
) -> OrdinalMetrics | None:
    """How far predictions are off; None where labels are no whole numbers in a row.

    Args:
        confusion: counts, one row for each true class [K, K].
        labels: of the classes [K].
    """
    values, counts = values_in_row(labels), np.asarray(confusion)
    if values is None or counts.shape != (len(labels),) * 2 or not counts.sum():
        return None
    numbers, total = np.asarray(values), counts.sum()
    off = np.abs(numbers[:, None] - numbers[None, :])
    order = np.argsort(numbers)
    of_class = counts.sum(1)[order]
    median = int(numbers[order][np.searchsorted(of_class.cumsum(), total / 2)])
    return {
        "mean_absolute_error": float((off * counts).sum() / total),
        "median": median,
        "median_error": float((np.abs(numbers - median) * counts.sum(1)).sum() / total),
        "far": float(counts[off > 1].sum() / total),
    }


def describe_ordinal(metrics: OrdinalMetrics | None) -> list[str]:
    """A sentence on how far predictions are off; none where there are no metrics."""
    if metrics is None:
        return []
    return [
        f"The labels are numbers in a row: mean absolute error {metrics['mean_absolute_error']:.3f} (always "
        f"{metrics['median']}: {metrics['median_error']:.3f}); {metrics['far']:.2%} are off by more than one."
    ]
