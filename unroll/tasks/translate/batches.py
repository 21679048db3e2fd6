"""Batches of pairs: padded sources and targets of about the same lengths.

S source steps, T target steps, B batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed, longest_first
from unroll.data.padding import decoder_targets, pad_sequences
from unroll.data.vocabulary import Ids


class SequenceArray:
    """Many sequences of ids in one array.

    Args:
        sequences: ids of each, without boundaries.

    Attributes:
        ids: all ids, one sequence after the other, int32.
        lengths: ids of each sequence [N], int64.
        ends: where each sequence ends in `ids` [N], int64.

    Examples:
        >>> from unroll.tasks.translate.batches import SequenceArray
        >>> SequenceArray([[1, 2], [], [3]])[0].tolist()
        [1, 2]
    """

    def __init__(self, sequences: Iterable[Ids]) -> None:
        parts = [np.asarray(ids, dtype=np.int32) for ids in sequences]
        self.lengths = np.array([len(part) for part in parts], dtype=np.int64)
        self.ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        self.ends = np.cumsum(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Ids:
        return self.ids[self.ends[row] - self.lengths[row] : self.ends[row]]

    def __iter__(self) -> Iterator[Ids]:
        return (self[row] for row in range(len(self)))


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs of texts as ids.

    Attributes:
        source: ids of each source, without boundaries.
        target: ids of each target, without boundaries.
    """

    source: SequenceArray
    target: SequenceArray

    def __len__(self) -> int:
        return len(self.target)

    def select(self, rows: list[int]) -> EncodedPairs:
        """These pairs in this order."""
        return EncodedPairs(
            SequenceArray(self.source[row] for row in rows),
            SequenceArray(self.target[row] for row in rows),
        )

    def joined(self, others: EncodedPairs) -> EncodedPairs:
        """These pairs, and after them the others that are no longer than the longest of these."""
        most = [int(side.lengths.max(initial=0)) for side in (self.source, self.target)]
        fits = (others.source.lengths <= most[0]) & (others.target.lengths <= most[1])
        rows = np.flatnonzero(fits).tolist()
        return EncodedPairs(
            SequenceArray([*self.source, *(others.source[row] for row in rows)]),
            SequenceArray([*self.target, *(others.target[row] for row in rows)]),
        )

    def batch(self, rows: list[int], forcing: float = 1.0) -> PairBatch:
        """These pairs, padded. forcing: the share of true inputs."""
        source, lengths = pad_sequences([self.source[row] for row in rows])
        inputs, target, weight, _ = decoder_targets([self.target[row] for row in rows])
        return PairBatch(source, lengths, inputs, target, weight, forcing)


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs.

    Attributes:
        source: ids [S, B], each sequence followed by the boundary.
        lengths: of the sources with their boundary [B], on the CPU.
        inputs: ids of the target one step late [T, B].
        target: ids [T, B], each sequence followed by the boundary.
        weight: bool [T, B], true where a target counts.
        forcing: the share of inputs that are the true ones; the others are the model's own.
    """

    source: Tensor
    lengths: Tensor
    inputs: Tensor
    target: Tensor
    weight: Tensor
    forcing: float = 1.0

    @property
    def tokens(self) -> int:
        """How many targets count, boundaries among them."""
        return int(self.weight.sum())

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on a device; the lengths stay on the CPU."""
        return replace(
            self,
            source=self.source.to(device),
            inputs=self.inputs.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
        )


class PairBatches:
    """The batches of a run: pairs of about the same length of target, and then of source.

    Args:
        pairs: the training set.
        batch_size: pairs per batch.
        seed: of the order.
        forcing: the share of true inputs that is reached, linearly from 1.
        forcing_epochs: epochs until that share is reached.
    """

    def __init__(
        self,
        pairs: EncodedPairs,
        batch_size: int,
        seed: int,
        forcing: float = 1.0,
        forcing_epochs: int = 1,
    ) -> None:
        self.pairs, self.forcing, self.forcing_epochs = pairs, forcing, forcing_epochs
        keys = sort_keys(pairs)
        self.bucketed = Bucketed(keys, batch_size, seed)
        self.per_epoch = self.bucketed.per_epoch

    def batch(self, number: int) -> PairBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        share = min(1.0, number / (self.per_epoch * self.forcing_epochs))
        forcing = 1 - share * (1 - self.forcing)
        return self.pairs.batch(self.bucketed.rows(number), forcing)

    def waste(self) -> float:
        """The share of the first epoch's steps, of both sides, that are padding."""
        steps = real = 0
        for number in range(self.per_epoch):
            rows = self.bucketed.rows(number)
            for side in (self.pairs.source, self.pairs.target):
                lengths = side.lengths[rows] + 1
                steps += len(rows) * int(lengths.max())
                real += int(lengths.sum())
        return 1 - real / max(1, steps)


def sort_keys(pairs: EncodedPairs) -> np.ndarray:
    """A number for each pair [N] that sorts by the length of the target, and then of the source."""
    most = int(pairs.source.lengths.max(initial=0)) + 1
    return pairs.target.lengths * most + pairs.source.lengths


def evaluation_batches(
    pairs: EncodedPairs, batch_size: int = 64
) -> Iterator[tuple[list[int], PairBatch]]:
    """Every pair once, in batches of about the same length, with their rows."""
    for rows in longest_first(sort_keys(pairs), batch_size):
        yield rows, pairs.batch(rows)
