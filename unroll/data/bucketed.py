"""Batches of sequences of similar lengths, so that little is padded."""

from __future__ import annotations

import numpy as np

SORTED_BATCHES = 64  # batches whose records are sorted by length together


class Bucketed:
    """Which records are in which batch: shuffled in each epoch, similar lengths together.

    The records of an epoch are shuffled; the records of SORTED_BATCHES batches at a time are sorted by
    length and divided into batches; then the batches are shuffled. The order depends on seed and epoch
    alone, so that a resumed run reads the same batches.

    Args:
        lengths: steps of every record [N].
        batch_size: records per batch.
        seed: of the shuffling.

    Attributes:
        per_epoch: batches in an epoch.

    Examples:
        >>> from unroll.data.bucketed import Bucketed
        >>> batches = Bucketed([3, 9, 4, 8], batch_size=2, seed=1)
        >>> sorted(sorted(batches.rows(n)) for n in range(batches.per_epoch))
        [[0, 2], [1, 3]]
    """

    def __init__(self, lengths: list[int] | np.ndarray, batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = max(1, -(-len(self.lengths) // batch_size))
        self._epoch, self._batches = -1, [np.zeros(0, dtype=np.int64)]

    def rows(self, number: int) -> list[int]:
        """The records of batch `number` of the run, counted from 0 over all epochs."""
        epoch, k = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._shuffled(epoch)
        return self._batches[k].tolist()

    def waste(self) -> float:
        """The share of the first epoch's steps that are padding."""
        steps = sum(len(rows) * int(self.lengths[rows].max()) for rows in self._shuffled(0))
        return 1 - float(self.lengths.sum()) / max(1, steps)

    def _shuffled(self, epoch: int) -> list[np.ndarray]:
        draw = np.random.default_rng((self.seed, epoch))
        order = draw.permutation(len(self.lengths))
        span = SORTED_BATCHES * self.batch_size
        batches = []
        for at in range(0, len(order), span):
            window = order[at : at + span]
            window = window[np.argsort(self.lengths[window], kind="stable")]
            batches += [
                window[k : k + self.batch_size] for k in range(0, len(window), self.batch_size)
            ]
        return [batches[k] for k in draw.permutation(len(batches))]


def longest_first(lengths: list[int] | np.ndarray, batch_size: int) -> list[list[int]]:
    """Row numbers of every record, longest first, in batches: for evaluation, where order is free.

    Args:
        lengths: steps of every record [N].
        batch_size: records per batch.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    return [order[k : k + batch_size] for k in range(0, len(order), batch_size)]
