"""The baseline of language models: interpolated n-grams with Witten-Bell smoothing.

    p(w | h) = (c(h w) + T(h) p(w | h')) / (c(h) + T(h))

where c counts, T(h) is the number of different tokens that followed the history h, h' is the history
without its first token, and below the unigram the distribution is uniform. Source: I. Witten and T. Bell,
The zero-frequency problem, 1991 (https://doi.org/10.1109/18.87000).

A gram of order k is a row number: rows of order k are sorted by (row of the gram without its last token)
* V + last token, so that a look-up is a binary search and the model is a few arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNSEEN = -1  # the row of a gram that was never seen


@dataclass(frozen=True)
class NGramModel:
    """Counts of all grams up to an order.

    Attributes:
        vocabulary_size: V.
        keys: for each order, the keys of its grams, sorted, int64.
        counts: for each order, how often each of these grams comes, int64.
    """

    vocabulary_size: int
    keys: tuple[np.ndarray, ...]
    counts: tuple[np.ndarray, ...]

    def arrays(self) -> dict[str, np.ndarray]:
        """Keys and counts by name, to be kept in a file."""
        return {
            f"{name}.{k}": array
            for name in ("keys", "counts")
            for k, array in enumerate(getattr(self, name))
        }

    @classmethod
    def from_arrays(cls, vocabulary_size: int, arrays: dict[str, np.ndarray]) -> NGramModel:
        """The model that has these `arrays`.

        Args:
            vocabulary_size: V.
            arrays: keys and counts by name.

        Raises:
            ValueError: where they are not those of such a model.
        """
        orders = range(len(arrays) // 2)
        names = {f"{name}.{k}" for name in ("keys", "counts") for k in orders}
        if not orders or set(arrays) != names:
            raise ValueError("expected keys and counts of each order")
        rows = 1
        for k in orders:
            keys, counts = arrays[f"keys.{k}"], arrays[f"counts.{k}"]
            whole = keys.dtype == counts.dtype == np.int64 and keys.ndim == 1
            if not whole or keys.shape != counts.shape or (counts <= 0).any():
                raise ValueError(f"expected whole counts above 0 for keys.{k}")
            if (keys < 0).any() or (np.diff(keys) <= 0).any():
                raise ValueError(f"expected rising keys.{k}")
            if len(keys) and int(keys[-1]) // vocabulary_size >= rows:
                raise ValueError(f"expected keys.{k} that follow those of the order before")
            rows = len(keys)
        return cls(
            vocabulary_size,
            tuple(arrays[f"keys.{k}"] for k in orders),
            tuple(arrays[f"counts.{k}"] for k in orders),
        )

    @property
    def order(self) -> int:
        """Tokens of the longest gram."""
        return len(self.keys)

    @classmethod
    def fit(cls, ids: np.ndarray, vocabulary_size: int, order: int) -> NGramModel:
        """Count every gram up to `order` in a sequence of ids [N]. Memory: about 16 N * order."""
        keys, counts = [], []
        row = np.zeros(len(ids), dtype=np.int64)  # of the gram that ends before each place
        for k in range(order):
            key = row[: len(ids) - k] * vocabulary_size + ids[k:]
            found, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
            keys.append(found)
            counts.append(count.astype(np.int64))
            row = inverse[:-1] if k + 1 < order else inverse
            # gram of order k+1 at place i is extended by the token at i + k + 1
        return cls(vocabulary_size, tuple(keys), tuple(counts))

    def log_probabilities(self, ids: np.ndarray, order: int | None = None) -> np.ndarray:
        """ln p of every token but the first, [N - 1], each given the tokens before it."""
        order = self.order if order is None else order
        ids = np.asarray(ids, dtype=np.int64)
        V, target = self.vocabulary_size, ids[1:]
        p = np.full(len(target), 1.0 / V)
        # history[i]: the row, among grams of order k, of the k tokens before target i
        history = np.zeros(len(target), dtype=np.int64)
        for k in range(order):
            if len(self.keys[k]) == 0:  # learned from fewer tokens than the order
                break
            if k:
                history = self._history(ids, k)
            row = self._find(k, history, target)
            seen = np.where(row == UNSEEN, 0, self.counts[k][row])
            total, different = self._after(k)
            known = history != UNSEEN
            n = np.where(known, total[history], 0)
            t = np.where(known, different[history], 0)
            # where the history was never seen, the estimate of the shorter history is kept
            p = np.where(n > 0, (seen + t * p) / np.maximum(n + t, 1), p)
        return np.log(p)

    def _history(self, ids: np.ndarray, k: int) -> np.ndarray:
        """For each target ids[1:], the row of the k tokens before it, UNSEEN if never seen."""
        n = len(ids) - 1
        row = np.full(n, UNSEEN, dtype=np.int64)
        if n < k:
            return row
        current = np.zeros(n - k + 1, dtype=np.int64)
        for level in range(k):
            current = self._find(level, current, ids[level : level + len(current)])
        row[k - 1 :] = current
        return row

    def _find(self, k: int, prefix: np.ndarray, token: np.ndarray) -> np.ndarray:
        """Rows of the grams of order k + 1 that are a prefix's row and a token of the vocabulary."""
        key = prefix * self.vocabulary_size + token
        place = np.searchsorted(self.keys[k], key).clip(0, len(self.keys[k]) - 1)
        there = (self.keys[k][place] == key) & (prefix != UNSEEN) & (token < self.vocabulary_size)
        return np.where(there, place, UNSEEN)

    def _after(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """For each history of k tokens: how many tokens, and how many different, followed it."""
        prefix = self.keys[k] // self.vocabulary_size
        rows = 1 if k == 0 else len(self.keys[k - 1])
        total = np.bincount(prefix, weights=self.counts[k], minlength=rows)
        different = np.bincount(prefix, minlength=rows)
        return total, different
