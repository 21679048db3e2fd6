"""The most similar of many known texts, by the n-grams that they share.

N known texts, B texts, F columns of n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unroll.tasks.translate.ngrams import character_ngrams, normalised, word_ngrams

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGEST_PRODUCT = 1 << 24  # similarities that are computed at a time
COMMON = 0.1  # n-grams of characters that more texts than this share have are left out ...
MANY = 10_000  # ... where there are so many texts


class NeighbourIndex:
    """Finds the known texts that are most similar to others.

    The similarity is the mean of two cosines of TF-IDF vectors, one of words and pairs of words, one
    of 2 to 5 characters:

        (1 + log tf) * (1 + log((1 + N) / (1 + df)))        tf: in the text, df: texts that have it

    Columns are hashed, so no vocabulary is kept. Where there are many texts, n-grams of characters
    that more than a tenth of them have are left out: they tell little and cost most of the time.

    Args:
        texts: the N known ones.

    Examples:
        >>> from unroll.tasks.translate.neighbours import NeighbourIndex
        >>> rows, similarity = NeighbourIndex(["a red dog", "the cat"]).search(["the cats"], 1)
        >>> rows.tolist()
        [[1]]
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        counted = (word_ngrams(texts), character_ngrams(texts))
        self._weights = [self._column_weights(counts) for counts in counted]
        self._weights[1][self._is_common(counted[1])] = 0
        self._known = [
            self._vectors(counts, weights).T.tocsr()
            for counts, weights in zip(counted, self._weights, strict=True)
        ]

    def search(self, texts: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest known texts of each text, nearest first; of equally near ones the first.

        Args:
            texts: B of them.
            count: k, how many for each; fewer where fewer are known.

        Returns:
            Rows of the known texts [B, k], and their similarities [B, k], 0 to 1.
        """
        count, step = min(count, self.size), max(1, LARGEST_PRODUCT // max(1, self.size))
        rows, similarities = [np.zeros((0, count), int)], [np.zeros((0, count), np.float32)]
        for first in range(0, len(texts), step):
            part = texts[first : first + step]
            similarity = self._similarities(part)
            nearest = largest(similarity, count)
            rows.append(nearest)
            similarities.append(np.take_along_axis(similarity, nearest, 1))
        return np.concatenate(rows), np.concatenate(similarities)

    def _similarities(self, texts: Sequence[str]) -> np.ndarray:
        found = np.zeros((len(texts), self.size), dtype=np.float32)
        for counts, weights, known in zip(
            (word_ngrams(texts), character_ngrams(texts)), self._weights, self._known, strict=True
        ):
            found += 0.5 * (self._vectors(counts, weights) @ known).toarray()
        return found

    def _is_common(self, counts: csr_array) -> np.ndarray:
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        return (self.size > MANY) & (frequency > COMMON * self.size)

    def _column_weights(self, counts: csr_array) -> np.ndarray:
        """The inverse document frequency of each column, float32 [F]."""
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        return (1 + np.log((1 + self.size) / (1 + frequency))).astype(np.float32)

    def _vectors(self, counts: csr_array, weights: np.ndarray) -> csr_array:
        vectors = counts.copy()
        vectors.data = (1 + np.log(vectors.data)) * weights[vectors.indices]
        vectors.eliminate_zeros()
        return normalised(vectors)


def largest(similarity: np.ndarray, count: int) -> np.ndarray:
    """The columns of the `count` largest numbers of each row [B, N], the largest first.

    Equal texts have similarities that differ by rounding: of those the first is meant, so numbers
    are compared to five digits.
    """
    B, N = similarity.shape
    key = np.rint(similarity * 1e5).astype(np.int64) * N - np.arange(N)
    first = np.argpartition(-key, count - 1, axis=1)[:, :count] if count else np.zeros((B, 0), int)
    return np.take_along_axis(first, np.argsort(-np.take_along_axis(key, first, 1), axis=1), 1)
