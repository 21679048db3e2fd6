"""Truncated backpropagation through time: named ways, and what each gives up.

Each is a stream of windows: pieces of one long stream. Only the loss of some steps of a window counts;
no gradient crosses its borders, or a scaled one that compensates for those that do not.
"""

from __future__ import annotations

import numpy as np
import torch

from unroll.data.encoded import Encoded
from unroll.data.stream import TokenBatch, Window
from unroll.errors import UserError

ALPHA = 4.0  # how fast long windows become rare, (1 + t / ((ALPHA - 1) mean)) ** -ALPHA

SENTENCES = {
    "window": "no gradient crosses the border of a block of {k2} steps",
    "overlapping": "every {k1} steps the loss of those steps goes back through the last {k2} steps "
    "(Williams and Peng 1990)",
    "randomised": "a gradient crosses the border of a block of {k1} steps at random, goes back {k2} "
    "steps on average, and is scaled so that its mean is the exact gradient (Tallec and Ollivier 2017)",
}


def overlapping(number: int, k1: int, k2: int) -> Window:
    """Window `number` of those that go back k2 steps every k1 steps; the first windows are shorter."""
    stop = (number + 1) * k1
    start = max(0, stop - k2)
    # the next window begins here, and so that one piece ends there
    following = max(0, stop + k1 - k2)
    first = following - start
    blocks = (first, stop - following) if 0 < first < stop - start else (stop - start,)
    carry = 0 if first == 0 else 1
    return Window(start, blocks, number * k1 - start, carry, (0.0, 1.0)[: len(blocks)])


def crossing_probability(piece: int, k1: int, k2: int) -> float:
    """The probability that a gradient crosses the border after so many pieces, counted from 1.

    S(j) / S(j - 1) with S(j) = (1 + j k1 / ((a - 1) k2)) ** -a, so that windows are k2 long on
    average (for small k1), and a long one is rare but never impossible.
    Source: C. Tallec and Y. Ollivier, Unbiasing truncated backpropagation through time, 2017
    (https://arxiv.org/abs/1705.08209), section 4.
    """
    scale = (ALPHA - 1) * k2
    return float(((scale + (piece - 1) * k1) / (scale + piece * k1)) ** ALPHA)


def randomised(generator: np.random.Generator, steps: int, k1: int, k2: int) -> list[Window]:
    """A stream of `steps` steps (a multiple of k1) as windows of random lengths."""
    windows, start = [], 0
    while start < steps:
        pieces, scales = 1, [0.0]
        while start + pieces * k1 < steps:
            chance = crossing_probability(pieces, k1, k2)
            if generator.random() >= chance:
                break
            scales.append(1 / chance)
            pieces += 1
        windows.append(Window(start, (k1,) * pieces, 0, pieces, tuple(scales)))
        start += pieces * k1
    return windows


class WindowStream:
    """One stream as B parallel streams, read in the windows of a named truncation.

    From the second epoch on the streams start a few steps later, and random windows are drawn again.

    Attributes:
        per_epoch: windows in an epoch; where they are random, in the first epoch.
    """

    def __init__(
        self, encoded: Encoded, batch_size: int, truncation: str, k1: int, k2: int, seed: int
    ) -> None:
        self.ids, self.B, self.seed = encoded.ids, batch_size, seed
        self.truncation, self.k1, self.k2 = truncation, k1, k2
        self.length = (len(self.ids) - 1 - k1) // batch_size  # of each stream, after any shift
        self.pieces = self.length // k1
        if self.pieces < 1:
            raise UserError(
                f"Each of {batch_size} streams has {max(0, self.length)} steps, less than the "
                f"--set k1={k1} of one window. Give a longer text, a smaller k1 or a smaller batch."
            )
        self._drawn: dict[int, list[Window]] = {}
        self.per_epoch = len(self._epoch(0)) if truncation == "randomised" else self.pieces

    def batch(self, number: int) -> TokenBatch:
        epoch, window, first = self._window(number)
        shift = 0
        if epoch:
            shift = int(np.random.default_rng((self.seed, epoch)).integers(self.k1))
        starts = shift + window.start + self.length * np.arange(self.B)
        steps = np.arange(window.steps + 1)
        ids = torch.from_numpy(self.ids[starts[None, :] + steps[:, None]].astype(np.int64))
        weight = None
        if window.counts:
            rows = torch.arange(window.steps) >= window.counts
            weight = rows[:, None].expand(-1, self.B)
        return TokenBatch(ids[:-1], ids[1:], fresh=first, weight=weight, window=window)

    def _window(self, number: int) -> tuple[int, Window, bool]:
        """The epoch, the window, and whether it is the epoch's first."""
        if self.truncation != "randomised":
            epoch, k = divmod(number, self.per_epoch)
            return epoch, overlapping(k, self.k1, self.k2), k == 0
        epoch = 0
        while number >= len(self._epoch(epoch)):
            number -= len(self._epoch(epoch))
            epoch += 1
        return epoch, self._epoch(epoch)[number], number == 0

    def _epoch(self, epoch: int) -> list[Window]:
        if epoch not in self._drawn:
            generator = np.random.default_rng((self.seed, epoch, 1))
            self._drawn[epoch] = randomised(generator, self.pieces * self.k1, self.k1, self.k2)
        return self._drawn[epoch]
