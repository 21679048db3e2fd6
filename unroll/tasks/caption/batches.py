"""Captions with their images as numbers, in batches of about the same length.

N captions, C colours, H height, W width, T tokens, B batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.padding import decoder_targets
from unroll.data.vocabulary import Ids
from unroll.tasks.caption.images import JoinedImages, ScaledImages


@dataclass(frozen=True)
class CaptionBatch:
    """A batch of captions and their images.

    Attributes:
        images: uint8 [B, C, H, W].
        inputs: ids of the captions one step late [T, B].
        target: ids [T, B], each caption followed by the boundary.
        weight: bool [T, B], true where a target counts.
        lengths: of the captions with their boundary [B], on the CPU.
    """

    images: Tensor
    inputs: Tensor
    target: Tensor
    weight: Tensor
    lengths: Tensor

    @property
    def tokens(self) -> int:
        """How many targets count, boundaries among them."""
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> CaptionBatch:
        """The same batch on a device; the lengths stay on the CPU."""
        return replace(
            self,
            images=self.images.to(device),
            inputs=self.inputs.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
        )


@dataclass(frozen=True)
class CaptionSet:
    """Captions with their images, such as a training set.

    Attributes:
        images: which may hold more images than the captions name.
        texts: the captions [N].
        ids: of each caption, without boundaries.
        which: the place of each caption's image [N], int64.
    """

    images: ScaledImages
    texts: list[str]
    ids: list[Ids]
    which: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each caption with its boundary [N], int64."""
        return np.array([len(ids) + 1 for ids in self.ids], dtype=np.int64)

    @property
    def image_count(self) -> int:
        """How many different images have a caption."""
        return len(set(self.which.tolist()))

    def batch(self, rows: list[int]) -> CaptionBatch:
        """These captions, padded, with their images."""
        images = self.images.take(self.which[rows].tolist())
        return CaptionBatch(images, *decoder_targets([self.ids[row] for row in rows]))

    def by_image(self) -> tuple[list[int], list[list[str]]]:
        """The place of each image that has captions, once, in order, and all its captions."""
        captions: dict[int, list[str]] = {}
        for which, text in zip(self.which.tolist(), self.texts, strict=True):
            captions.setdefault(which, []).append(text)
        return list(captions), list(captions.values())

    def subset(self, chosen: np.ndarray) -> CaptionSet:
        """The captions where `chosen`, bool [N], is true; the images are shared."""
        rows = np.flatnonzero(chosen).tolist()
        return CaptionSet(
            self.images,
            [self.texts[row] for row in rows],
            [self.ids[row] for row in rows],
            self.which[rows],
        )

    def joined(self, other: CaptionSet) -> CaptionSet:
        """These captions and those of another set, whose images may be the same ones."""
        shared = other.images is self.images
        images = self.images if shared else JoinedImages.of(self.images, other.images)
        places = other.which if shared else other.which + len(self.images)
        which = np.concatenate([self.which, places])
        return CaptionSet(images, [*self.texts, *other.texts], [*self.ids, *other.ids], which)


def groups_in_time(rows: Sequence[int], size: int, seconds: float | None) -> Iterator[list[int]]:
    """Groups of rows, in an order drawn once, until the time is over; all of them where it is not.

    When to use it: for metrics that need searches. What is left out is then as good as drawn.

    Args:
        rows: of all.
        size: rows of a group.
        seconds: after which no further group begins; there is always one. None: no limit.

    Yields:
        Rows of a group; in the given order where there is no limit.
    """
    begun = time.perf_counter()
    order = list(rows) if seconds is None else np.random.default_rng(0).permutation(rows).tolist()
    for at in range(0, len(order), size):
        if at and seconds is not None and time.perf_counter() - begun > seconds:
            return
        yield order[at : at + size]


class CaptionBatches:
    """The batches of a run: captions of about the same length.

    Args:
        captions: the training set.
        batch_size: captions per batch.
        seed: of the order.
    """

    def __init__(self, captions: CaptionSet, batch_size: int, seed: int) -> None:
        self.captions = captions
        self.bucketed = Bucketed(captions.lengths, batch_size, seed)
        self.per_epoch = self.bucketed.per_epoch

    def batch(self, number: int) -> CaptionBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return self.captions.batch(self.bucketed.rows(number))
