"""A validation set where only one file is given, and records that are in both sets."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

import numpy as np

from unroll.errors import UserError

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


def validation_groups(groups: Sequence[str]) -> tuple[np.ndarray, int]:
    """Which records form the validation set where whole groups of records are held out.

    When to use it: for speakers, people, cameras or days, so that metrics hold for those that the
    training set does not have.

    Args:
        groups: that of each record, [N].

    Returns:
        bool [N], true for a tenth of the groups, at least one; and how many groups there are.

    Raises:
        UserError: where all records are of one group.
    """
    names = sorted(set(groups))
    if len(names) < 2:
        raise UserError(
            f"All {len(groups):,} records are of the group {names[0] if names else ''!r}; expected several "
            "groups, so that one can be held out. Name another column by --by."
        )
    is_chosen = validation_rows(len(names))
    chosen = {name for name, valid in zip(names, is_chosen, strict=True) if valid}
    return np.array([group in chosen for group in groups]), len(names)


def keep_unseen_labels_in_training(
    is_validation: np.ndarray, labels: Sequence[tuple[str, ...]]
) -> tuple[np.ndarray, int]:
    """Move records out of the validation set whose labels the training set does not have.

    Args:
        is_validation: which records are chosen for the validation set, bool [N].
        labels: those of each record.

    Returns:
        Which records are the validation set then, bool [N], and how many were moved.

    Examples:
        >>> import numpy as np
        >>> from unroll.data.split import keep_unseen_labels_in_training
        >>> labels = [("a",), ("b",), ("a",)]
        >>> keep_unseen_labels_in_training(np.array([False, True, True]), labels)
        (array([False, False,  True]), 1)
    """
    known = {label for k, each in enumerate(labels) if not is_validation[k] for label in each}
    moved = [k for k in np.flatnonzero(is_validation).tolist() if not set(labels[k]) <= known]
    kept = is_validation.copy()
    kept[moved] = False
    return kept, len(moved)


def content_hash(content: bytes) -> int:
    """A hash of 64 bits, signed, by which records of the same content are found."""
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def count_shared(train: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many of the `other` records are in the training set too."""
    known = set(train)
    return sum(record in known for record in other)


def evenly_spread(count: int, most: int) -> np.ndarray:
    """Row numbers of at most `most` of `count` records, evenly spread: files are often sorted."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)
