"""Word and character error rates, from the edit distance of texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ErrorRate:
    """Errors of a number of texts, against their references.

    Attributes:
        errors: substitutions + insertions + deletions, the fewest that turn the references into
            the texts.
        total: words, or characters, of the references.
        substitutions: words that are wrong.
        insertions: words that are not in the reference.
        deletions: words that are missing.
    """

    errors: int
    total: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def rate(self) -> float:
        """errors / total; insertions can make it exceed 1. With empty references, the errors."""
        return self.errors / max(1, self.total)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> ErrorRate:
    """Errors in words, split at spaces.

    Args:
        pairs: each reference with the text that was recognised.

    Examples:
        >>> from unroll.tasks.transcribe.error_rates import word_error_rate
        >>> found = word_error_rate([("a pear tree", "a pair of tree")])
        >>> found.errors, found.total, found.substitutions, found.insertions
        (2, 3, 1, 1)
    """
    return error_rate((right.split(), found.split()) for right, found in pairs)


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> ErrorRate:
    """Errors in characters, with single spaces between words.

    Args:
        pairs: each reference with the text that was recognised.

    Examples:
        >>> from unroll.tasks.transcribe.error_rates import character_error_rate
        >>> character_error_rate([("pear", "pair"), ("tree", "tree")]).rate
        0.25
    """
    return error_rate((" ".join(a.split()), " ".join(b.split())) for a, b in pairs)


def error_rate(pairs: Iterable[tuple[Sequence[Hashable], Sequence[Hashable]]]) -> ErrorRate:
    """Errors in the items of sequences.

    Of all alignments with the fewest errors, one with the most substitutions is counted.

    Args:
        pairs: each reference with the sequence that was recognised.

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
    return ErrorRate(errors, total, substitutions, insertions, deletions)


def edits(right: Sequence[Hashable], found: Sequence[Hashable]) -> tuple[int, int]:
    """The edit distance, with the smallest number of insertions and deletions.

        d[i, j] = min(d[i-1, j-1] + (r_i != f_j), d[i-1, j] + 1, d[i, j-1] + 1)

    It is found row by row: the time is the product of the two lengths, the memory one length.

    Returns:
        The errors, and how many of them are insertions and deletions.
    """
    numbers: dict[Hashable, int] = {}
    a, b = (
        np.array([numbers.setdefault(item, len(numbers)) for item in items], dtype=np.int64)
        for items in (right, found)
    )
    # one number holds both counts: errors first, then insertions and deletions
    error = len(a) + len(b) + 1
    shift = error + 1
    steps = np.arange(len(b) + 1) * shift
    row = steps.copy()
    for item in a:
        down = row + shift
        down[1:] = np.minimum(down[1:], row[:-1] + error * (b != item))
        # insertions along the row: the smallest cost of any place to the left and the way from it
        row = np.minimum.accumulate(down - steps) + steps
    errors, shifts = divmod(int(row[-1]), error)
    return errors, shifts
