"""How often the n-grams of a sequence come, and how many different tokens come before each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GramCounts:
    """The counts of all grams up to a length.

    Attributes:
        vocabulary_size: V.
        keys: for each length, (row of the gram without its last token, among those of its length) * V +
            last token, sorted.
        counts: for each length, how often each gram comes.
        different: for each length but the last, how many different tokens come before each gram; for a
            gram that begins a sequence after a boundary, how often it comes.
    """

    vocabulary_size: int
    keys: list[np.ndarray]
    counts: list[np.ndarray]
    different: list[np.ndarray]

    @property
    def order(self) -> int:
        """Tokens of the longest gram."""
        return len(self.keys)

    def of_order(self, order: int) -> list[np.ndarray]:
        """The counts of an n-gram model of Kneser and Ney, for each length up to the order."""
        return [*self.different[: order - 1], self.counts[order - 1]]

    @classmethod
    def of(
        cls, ids: np.ndarray, vocabulary_size: int, order: int, boundary: int | None = None
    ) -> GramCounts:
        """Count every gram up to a length.

        Memory: about 80 bytes for each token, and 24 for each different gram.

        Args:
            ids: the sequence [N], at least one token.
            vocabulary_size: V.
            order: tokens of the longest gram; fewer where the sequence is shorter.
            boundary: the token between sequences that do not know each other: no history goes back over
                it, and each begins with it. None: it is one sequence.
        """
        ids = np.asarray(ids, dtype=np.int64)
        keys: list[np.ndarray] = []
        counts: list[np.ndarray] = []
        different: list[np.ndarray] = []
        places = np.arange(len(ids))  # where grams begin
        row = np.zeros(len(ids), dtype=np.int64)  # of the gram of k tokens from each place on
        head = np.zeros(0, dtype=np.int64)  # the first token of each gram of k tokens
        for k in range(min(order, len(ids))):
            places = places[places + k < len(ids)]
            if k > 1 and boundary is not None:
                places = places[ids[places + k - 1] != boundary]
            if not len(places):
                break
            key = row[places] * vocabulary_size + ids[places + k]
            found, first, inverse, count = np.unique(
                key, return_index=True, return_inverse=True, return_counts=True
            )
            if k:
                # what extends a gram to the left begins one place before it
                before = np.bincount(row[places[first] + 1], minlength=len(keys[-1]))
                before[row[:1][row[:1] >= 0]] += 1  # the start of the sequence is something, too
                if k > 1 and boundary is not None:
                    before = np.where(head == boundary, counts[-1], before)
                different.append(before)
            keys.append(found)
            counts.append(count)
            head = ids[places[first]]
            row = np.full(len(ids), -1, dtype=np.int64)
            row[places] = inverse
        return cls(vocabulary_size, keys, counts, different)
