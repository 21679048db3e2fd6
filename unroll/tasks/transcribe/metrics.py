"""How much of a text was read or heard wrongly: word and character error rates."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rate:
    """Errors of a number of texts.

    total: words, or characters, that are right. errors: substitutions + insertions + deletions, the
    fewest that turn what is right into what was found.
    """

    errors: int
    total: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def rate(self) -> float:
        """errors / total; can pass 1 by insertions. Where nothing is right, the errors."""
        return self.errors / max(1, self.total)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> Rate:
    """Errors in words, apart at spaces, of (right, found) texts.

    Example:
        >>> from unroll.tasks.transcribe.metrics import word_error_rate
        >>> found = word_error_rate([("a pear tree", "a pair of tree")])
        >>> found.errors, found.total, found.substitutions, found.insertions
        (2, 3, 1, 1)
    """
    return error_rate((right.split(), found.split()) for right, found in pairs)


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> Rate:
    """Errors in characters of (right, found) texts; one space stands between words.

    Example:
        >>> from unroll.tasks.transcribe.metrics import character_error_rate
        >>> character_error_rate([("pear", "pair"), ("tree", "tree")]).rate
        0.25
    """
    return error_rate((" ".join(a.split()), " ".join(b.split())) for a, b in pairs)


def error_rate(pairs: Iterable[tuple[Sequence[Hashable], Sequence[Hashable]]]) -> Rate:
    """Errors in the items of (right, found) sequences.

    Of all ways with the fewest errors the one with most substitutions is counted.

    Source: V. Levenshtein, Binary codes capable of correcting deletions, insertions and reversals,
    1966.
    """
    substitutions = insertions = deletions = total = 0
    for right, found in pairs:
        total += len(right)
        errors, shifts = edits(right, found)
        substitutions += errors - shifts
        # insertions - deletions is the difference of the lengths
        insertions += (shifts + len(found) - len(right)) // 2
        deletions += (shifts - len(found) + len(right)) // 2
    errors = substitutions + insertions + deletions
    return Rate(errors, total, substitutions, insertions, deletions)


def edits(right: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[int, int]:
    """The fewest errors, and how many of them are insertions and deletions, as few as can be.

    A row of the table at a time, time and memory as the product and the length of the two:

        d[i, j] = min(d[i-1, j-1] + (r_i != f_j), d[i-1, j] + 1, d[i, j-1] + 1)
    """
    numbers: dict[Hashable, int] = {}
    a, b = (
        np.array([numbers.setdefault(item, len(numbers)) for item in items], dtype=np.int64)
        for items in (right, found)
    )
    # one number for both counts: errors first, then insertions and deletions
    error = len(a) + len(b) + 1
    shift = error + 1
    steps = np.arange(len(b) + 1) * shift
    row = steps.copy()
    for item in a:
        down = row + shift
        down[1:] = np.minimum(down[1:], row[:-1] + error * (b != item))
        # insertions along the row: the least of what any place to the left costs, and the way here
        row = np.minimum.accumulate(down - steps) + steps
    errors, shifts = divmod(int(row[-1]), error)
    return errors, shifts
