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
from unroll.data.vocabulary import BOUNDARY, Ids


class Sequences:
    """Many sequences of ids in one array."""

    def __init__(self, sequences: Iterable[Ids]) -> None:
        parts = [np.asarray(ids, dtype=np.int32) for ids in sequences]
        self.lengths = np.array([len(part) for part in parts], dtype=np.int64)
        self.ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        self.ends = np.cumsum(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> Ids:
        return self.ids[self.ends[row] - self.lengths[row] : self.ends[row]]


@dataclass(frozen=True)
class EncodedPairs:
    """source and target ids of every pair, without boundaries."""

    source: Sequences
    target: Sequences

    def __len__(self) -> int:
        return len(self.target)

    def batch(self, rows: list[int], forcing: float = 1.0) -> PairBatch:
        """These pairs, padded."""
        source, lengths = padded([self.source[row] for row in rows])
        target, ends = padded([self.target[row] for row in rows])
        starts = torch.full((1, len(rows)), BOUNDARY)
        weight = torch.arange(len(target))[:, None] < ends
        return PairBatch(source, lengths, torch.cat([starts, target[:-1]]), target, weight, forcing)


@dataclass(frozen=True)
class PairBatch:
    """source: ids [S, B], each ended by the boundary. lengths: [B]. inputs: the target one step
    late, [T, B]. target: [T, B]. weight: bool [T, B], true where the target counts.
    forcing: the share of inputs that are the true ones."""

    source: Tensor
    lengths: Tensor
    inputs: Tensor
    target: Tensor
    weight: Tensor
    forcing: float = 1.0
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many targets count, ends among them."""
        return int(self.weight.sum())

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on a device; the lengths stay."""
        return replace(
            self,
            source=self.source.to(device),
            inputs=self.inputs.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
        )


def padded(sequences: list[Ids]) -> tuple[Tensor, Tensor]:
    """Sequences with the boundary behind each, [N, B], and their lengths with it."""
    lengths = np.array([len(sequence) + 1 for sequence in sequences], dtype=np.int64)
    ids = np.full((len(sequences), int(lengths.max())), BOUNDARY, dtype=np.int64)
    for row, sequence in zip(ids, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(ids).t().contiguous(), torch.from_numpy(lengths)


class PairBatches:
    """Batch n of a run: pairs of about the same length of target, and then of source.

    forcing: the share of true inputs that is reached, linearly from one, after `forcing_epochs`.
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
    """A number a pair that sorts by the length of the target, and then of the source."""
    most = int(pairs.source.lengths.max(initial=0)) + 1
    return pairs.target.lengths * most + pairs.source.lengths


def evaluation_batches(
    pairs: EncodedPairs, batch_size: int = 64
) -> Iterator[tuple[list[int], PairBatch]]:
    """Every pair once, in batches of about the same length, with their rows."""
    for rows in longest_first(sort_keys(pairs), batch_size):
        yield rows, pairs.batch(rows)
