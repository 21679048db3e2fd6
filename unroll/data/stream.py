"""Batches for a language model: blocks of one long stream, or lines.

T time, B batch. A batch is a function of the seed and its number, so a resumed run needs nothing but that
number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from unroll.data.encoded import Encoded
from unroll.data.vocabulary import BOUNDARY
from unroll.errors import UserError

WINDOW = 1 << 16  # lines that are shuffled together, so that memory does not grow with the file


@dataclass(frozen=True)
class Window:
    """One window of a stream, in pieces between which gradients are truncated or scaled.

    Attributes:
        start: its first step in the stream.
        blocks: the lengths of its pieces.
        counts: from which step of the window on the loss counts.
        carry: after how many pieces the next window begins.
        scales: a factor for the gradient that goes back over the start of each piece; the first one is
            not used, because no gradient leaves the window.
    """

    start: int
    blocks: tuple[int, ...]
    counts: int
    carry: int
    scales: tuple[float, ...]

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return sum(self.blocks)


@dataclass(frozen=True)
class TokenBatch:
    """A batch of token ids.

    Attributes:
        x: inputs, ids [T, B].
        y: targets, ids [T, B]: x one step later.
        fresh: whether the state of the batch before does not belong to it.
        lengths: steps of each sequence [B]. None: all have T.
        category: of each sequence [B]. None: there are no conditions.
        weight: true where a target counts, bool [T, B]. None: everywhere.
        window: where gradients are truncated inside. None: nowhere.
    """

    x: Tensor
    y: Tensor
    fresh: bool
    lengths: Tensor | None = None
    category: Tensor | None = None
    weight: Tensor | None = None
    window: Window | None = None

    @property
    def tokens(self) -> int:
        """How many targets count."""
        return int(self.y.numel() if self.weight is None else self.weight.sum())

    def to(self, device: torch.device) -> TokenBatch:
        """The same batch on a device."""

        def move(tensor: Tensor | None) -> Tensor | None:
            """The tensor on the device, of any shape `[...]`; None stays None."""
            return None if tensor is None else tensor.to(device)

        return TokenBatch(
            self.x.to(device),
            self.y.to(device),
            self.fresh,
            move(self.lengths),
            move(self.category),
            move(self.weight),
            self.window,
        )


class Batches(Protocol):
    """The batches of a training set.

    Attributes:
        per_epoch: batches in an epoch.
    """

    per_epoch: int

    def batch(self, number: int) -> TokenBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        ...


class BlockStream:
    """One stream as B parallel streams, read in blocks of T steps, in order.

    Each stream continues where its last block ended, so the state can be carried (truncated
    backpropagation through time). From the second epoch on the streams start a few steps later, so that
    the borders of blocks differ; as far as the text has room for it.

    Args:
        encoded: the stream.
        batch_size: B.
        block: T.
        seed: of the shifts.
    """

    def __init__(self, encoded: Encoded, batch_size: int, block: int, seed: int) -> None:
        self.ids, self.B, self.T, self.seed = encoded.ids, batch_size, block, seed
        self.length = (len(self.ids) - 1 - block) // batch_size  # of each stream, after any shift
        if len(self.ids) <= block:
            raise UserError(
                f"The text has {len(self.ids):,} tokens; expected more than {block}, a block. Give a "
                "longer text."
            )
        self.per_epoch = max(1, self.length // block)
        self.shifts = min(block, len(self.ids) - block)  # in a text of one block there is one

    def batch(self, number: int) -> TokenBatch:
        epoch, k = divmod(number, self.per_epoch)
        shift = 0
        if epoch:
            shift = int(np.random.default_rng((self.seed, epoch)).integers(self.shifts))
        starts = shift + k * self.T + self.length * np.arange(self.B)
        window = self.ids[starts[None, :] + np.arange(self.T + 1)[:, None]].astype(np.int64)
        ids = torch.from_numpy(window)  # [T + 1, B]
        return TokenBatch(ids[:-1], ids[1:], fresh=k == 0)


class LineBatches:
    """Each line is a sequence, from a boundary to a boundary; lines are shuffled in each epoch.

    Args:
        encoded: lines.
        batch_size: B, lines per batch.
        seed: of the shuffling.
        shuffle: False: in order.
    """

    def __init__(self, encoded: Encoded, batch_size: int, seed: int, shuffle: bool = True) -> None:
        if encoded.starts is None:
            raise ValueError("LineBatches got a stream; expected lines, from encode_lines.")
        self.encoded, self.B, self.seed, self.shuffle = encoded, batch_size, seed, shuffle
        self.starts = encoded.starts
        self.per_epoch = -(-len(self.starts) // batch_size)
        self._order: tuple[int, int, np.ndarray] | None = None

    def batch(self, number: int) -> TokenBatch:
        epoch, k = divmod(number, self.per_epoch)
        places = range(k * self.B, min((k + 1) * self.B, len(self.starts)))
        return self.rows([self.line(epoch, place) for place in places])

    def line(self, epoch: int, place: int) -> int:
        """The number of the line at a place of an epoch."""
        if not self.shuffle:
            return place
        window = place // WINDOW
        if self._order is None or self._order[:2] != (epoch, window):
            size = min(WINDOW, len(self.starts) - window * WINDOW)
            order = np.random.default_rng((self.seed, epoch, window)).permutation(size)
            self._order = (epoch, window, order)
        return window * WINDOW + int(self._order[2][place - window * WINDOW])

    def rows(self, lines: list[int]) -> TokenBatch:
        """The lines with these numbers as one padded batch."""
        encoded = self.encoded
        ends = [
            int(self.starts[n + 1]) if n + 1 < len(self.starts) else len(encoded.ids) - 1
            for n in lines
        ]
        sequences = [
            encoded.ids[int(self.starts[n]) : end + 1].astype(np.int64)
            for n, end in zip(lines, ends, strict=True)
        ]
        lengths = torch.tensor([len(s) - 1 for s in sequences])
        ids = torch.full((int(lengths.max()) + 1, len(lines)), BOUNDARY)
        for b, sequence in enumerate(sequences):
            ids[: len(sequence), b] = torch.from_numpy(sequence)
        category = None
        if encoded.categories is not None:
            category = torch.from_numpy(np.asarray(encoded.categories[lines], dtype=np.int64))
        weight = torch.arange(len(ids) - 1)[:, None] < lengths
        return TokenBatch(ids[:-1], ids[1:], True, lengths, category, weight)


def evaluation_blocks(
    encoded: Encoded, *, block: int = 256, warm_up: int = 256, most: int = 32
) -> Iterator[TokenBatch]:
    """Every token of a stream once, in parallel streams that have read what comes before their part.

    A parallel stream that started without context would predict its first tokens badly; so each first
    reads the `warm_up` tokens before its part, which do not count (`weight`).

    Args:
        encoded: the stream.
        block: steps per batch.
        warm_up: steps that are read before each part.
        most: parallel streams at most.
    """
    ids, N = encoded.ids, encoded.tokens
    B = max(1, min(most, N // (8 * warm_up)))
    length = -(-N // B)
    offsets = length * np.arange(B)

    def read(steps: np.ndarray, fresh: bool, lengths: Tensor | None = None) -> TokenBatch:
        """The batch of these steps [T] of every part: x, y and weight [T, B]; lengths [B], or None."""
        place = offsets[None, :] + steps[:, None]  # of x, [T, B]
        own = (steps[:, None] >= 0) & (place < N)
        clipped = place.clip(0, N - 1)
        x = torch.from_numpy(ids[clipped].astype(np.int64))
        y = torch.from_numpy(ids[clipped + 1].astype(np.int64))
        return TokenBatch(x, y, fresh, lengths, weight=torch.from_numpy(own))

    if B > 1:  # nothing comes before the first stream: its warm-up has length 0
        lengths = torch.full((B,), warm_up)
        lengths[0] = 0
        yield read(np.arange(-warm_up, 0), True, lengths)
    for at in range(0, length, block):
        yield read(np.arange(at, min(at + block, length)), fresh=B == 1 and at == 0)


def evaluation_lines(encoded: Encoded, batch_size: int = 64) -> Iterator[TokenBatch]:
    """Every line once, in order."""
    batches = LineBatches(encoded, batch_size, seed=0, shuffle=False)
    for number in range(batches.per_epoch):
        yield batches.batch(number)
