"""Batches of tunes, in other keys each epoch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.stream import TokenBatch
from unroll.tasks.music.preprocessor import BOUNDARY, MusicPreprocessor
from unroll.tasks.music.settings import MusicSettings

CACHED = 20_000  # encoded tunes


class TuneBatches:
    """Batches of whole tunes, from boundary to boundary; a share of them is in another key.

    The tunes of a batch and their keys are a function of the seed and the number of the batch. Tunes
    of more than `longest` tokens are read in parts, each from a fresh state.

    Args:
        tunes: the training set.
        preprocessor: of the run.
        settings: batch size, seed, share in other keys, longest part.

    Attributes:
        per_epoch: batches per epoch.
        divided: how many tunes are read in parts.
    """

    def __init__(
        self, tunes: list[str], preprocessor: MusicPreprocessor, settings: MusicSettings
    ) -> None:
        self.preprocessor, self.seed, self.share = preprocessor, settings.seed, settings.transpose
        self.longest = settings.longest
        self.texts = tunes
        self._ids = lru_cache(maxsize=CACHED)(self._encode)
        lengths = [len(self._ids(n, None)) - 1 for n in range(len(tunes))]
        # the number of a tune, and of one of its parts
        self.parts = [
            (n, k) for n, size in enumerate(lengths) for k in range(-(-size // self.longest))
        ]
        sizes = [min(self.longest, lengths[n] - k * self.longest) for n, k in self.parts]
        self.order = Bucketed(sizes, settings.batch_size or 1, settings.seed)
        self.per_epoch = self.order.per_epoch
        self.divided = sum(size > self.longest for size in lengths)

    def batch(self, number: int) -> TokenBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        draw = np.random.default_rng((self.seed, 1, number))
        rows = []
        for part in self.order.rows(number):
            n, k = self.parts[part]
            in_other_key = draw.random() < self.share
            key = self.preprocessor.draw_key(self.texts[n], draw) if in_other_key else None
            ids = self._ids(n, key)
            rows.append(ids[k * self.longest : (k + 1) * self.longest + 1])
        # in another key a tune may have a few tokens less, and so one part less
        return pad_tunes([ids for ids in rows if len(ids) > 1] or [add_boundaries(ids)])

    def _encode(self, n: int, key: str | int | None) -> np.ndarray:
        """The ids of a tune with its boundaries. key: as `draw_key` returned it, or None."""
        text = self.texts[n]
        transposed = None if key is None else self.preprocessor.transpose(text, key)
        return add_boundaries(self.preprocessor.encode(transposed or text))


def add_boundaries(ids: np.ndarray) -> np.ndarray:
    """The ids of a tune between two boundaries."""
    return np.concatenate([[BOUNDARY], ids, [BOUNDARY]])


def pad_tunes(rows: list[np.ndarray]) -> TokenBatch:
    """Sequences of ids as a padded batch; each id is the target after those before it."""
    lengths = torch.tensor([len(ids) - 1 for ids in rows])
    ids = torch.full((int(lengths.max()) + 1, len(rows)), BOUNDARY)
    for b, row in enumerate(rows):
        ids[: len(row), b] = torch.from_numpy(row)
    weight: Tensor = torch.arange(len(ids) - 1)[:, None] < lengths
    return TokenBatch(ids[:-1], ids[1:], True, lengths, None, weight)
