"""A held-out part where only one file is given, and records that stand in both parts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

SHARE, MOST = 0.1, 5000


def validation_rows(count: int) -> np.ndarray:
    """Which of `count` records are held out: bool, a tenth of them, at most 5,000.

    They are spread over the data, because files are often sorted; the same for every run, seed or
    not, so that runs can be compared.
    """
    size = max(1, min(MOST, int(count * SHARE))) if count > 1 else 0
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(0).permutation(count)[:size]] = True
    return chosen


def count_shared(train: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many of the other records stand in the training part too."""
    known = set(train)
    return sum(record in known for record in other)


def evenly_spread(count: int, most: int) -> np.ndarray:
    """The places of at most so many of `count` records, evenly spread, because files are often
    sorted."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)
