"""A validation set where only one file is given, and records that are in both sets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

SHARE, MOST_RECORDS = 0.1, 5000


def validation_rows(count: int) -> np.ndarray:
    """Which records form the validation set: a tenth of them, at most 5,000.

    They are spread over the data, because files are often sorted. They do not depend on the seed of a
    run, so that runs can be compared.

    Args:
        count: N, how many records there are.

    Returns:
        bool [N], true for the validation set; nothing is true where there is one record.
    """
    size = max(1, min(MOST_RECORDS, int(count * SHARE))) if count > 1 else 0
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(0).permutation(count)[:size]] = True
    return chosen


def count_shared(train: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many of the `other` records are in the training set too."""
    known = set(train)
    return sum(record in known for record in other)


def evenly_spread(count: int, most: int) -> np.ndarray:
    """Row numbers of at most `most` of `count` records, evenly spread: files are often sorted."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)
