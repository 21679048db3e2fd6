"""Labelled clips and their batches.

T time, B batch, N frames of a batch, C channels, H height, W width, F numbers per frame, K classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.counting import listed
from unroll.data.bucketed import Bucketed
from unroll.data.problems import Problems
from unroll.tasks.frames.preprocessor import FramesPreprocessor


@dataclass
class LoadedClip:
    """A clip that was read once.

    Attributes:
        values: frames uint8 [T, C, H, W], or numbers [T, F]; None where the clip is read again each
            time.
        source: its path, or its numbers [T * F].
        labels: one, or one per frame that is read.
        length: T, frames that are read.
        total: frames of the file.
        thumbnails: its frames at a small size, uint8, or its numbers; what the baselines read.
        content_hash: of the frames that are read.
        name: for people.
        where: file and line of the table, for people.
        group: as the column --by names it; None without that column.
    """

    values: np.ndarray | None
    source: Path | np.ndarray
    labels: tuple[str, ...]
    length: int
    total: int
    thumbnails: np.ndarray
    content_hash: int
    name: str
    where: str
    group: str | None


@dataclass(frozen=True)
class ClipDataset:
    """Clips with the numbers of their classes.

    Attributes:
        clips: R of them.
        preprocessor: encodes clips and labels.
        targets: class of each clip, or of each frame of all clips, concatenated; int64.
        starts: where each clip begins among all frames, and how many frames there are, [R + 1].
    """

    clips: list[LoadedClip]
    preprocessor: FramesPreprocessor
    targets: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip that are read, int64 [R]."""
        return np.diff(self.starts)

    @property
    def content_hashes(self) -> list[int]:
        """The content hash of each clip."""
        return [clip.content_hash for clip in self.clips]

    @property
    def truncated(self) -> int:
        """How many clips are truncated."""
        every = self.preprocessor.reading.every
        return sum(-(-clip.total // every) > clip.length for clip in self.clips)

    def values(self, row: int) -> np.ndarray:
        """What the network reads of a clip; its file is read where memory does not hold it."""
        clip = self.clips[row]
        if clip.values is not None:
            return clip.values
        if isinstance(clip.source, Path):
            return self.preprocessor.encode(self.preprocessor.reading(clip.source))
        return self.preprocessor.encode(self.preprocessor.split_row(clip.source))

    def take(self, rows: Sequence[int]) -> ClipDataset:
        """Only the clips at these rows, at least one."""
        return ClipDataset(
            [self.clips[row] for row in rows],
            self.preprocessor,
            np.concatenate([self.target(row) for row in rows]),
            np.cumsum([0, *self.lengths[list(rows)]], dtype=np.int64),
        )

    def target(self, row: int) -> np.ndarray:
        """The class of a clip [1], or of its frames [T]."""
        if self.preprocessor.per_frame:
            return self.targets[self.starts[row] : self.starts[row + 1]]
        return self.targets[row : row + 1]

    def frame_columns(self) -> np.ndarray:
        """What the simple model reads of all frames: 8 x 8 pixels, or numbers, float32 [N, F]."""
        if self.preprocessor.scaler is None:
            return np.concatenate([clip.thumbnails for clip in self.clips]).astype(np.float32)
        return np.concatenate([self.values(row) for row in range(len(self))])

    def thumbnails(self) -> np.ndarray:
        """What the baselines read, [R, D]: the mean of each clip's thumbnails, or each frame's."""
        if self.preprocessor.per_frame:
            return np.concatenate([clip.thumbnails for clip in self.clips])
        return np.stack([clip.thumbnails.mean(0) for clip in self.clips])

    def class_counts(self) -> np.ndarray:
        """How many clips, or frames, have each class, int64 [K]."""
        return np.bincount(self.targets, minlength=len(self.preprocessor.classes))


def encode_clips(
    clips: Iterable[LoadedClip], preprocessor: FramesPreprocessor, problems: Problems
) -> ClipDataset:
    """Clips with the numbers of their classes.

    Args:
        clips: read with the preprocessor.
        preprocessor: scales numbers and knows the labels.
        problems: collects clips with unknown labels.
    """
    known: list[LoadedClip] = []
    targets: list[int] = []
    for clip in clips:
        unseen = next((label for label in clip.labels if label not in preprocessor.number), None)
        if unseen is not None:
            problems.bad(
                f"{clip.where}: the label {unseen!r} is not in the training set; expected one of "
                f"{listed(preprocessor.classes)}."
            )
            continue
        if clip.values is not None and preprocessor.scaler is not None:
            clip.values = preprocessor.scaler(clip.values)
        known.append(clip)
        targets += [preprocessor.number[label] for label in clip.labels]
    starts = np.cumsum([0, *(clip.length for clip in known)], dtype=np.int64)
    return ClipDataset(known, preprocessor, np.asarray(targets, dtype=np.int64), starts)


def join_datasets(datasets: Sequence[ClipDataset]) -> ClipDataset:
    """The clips of several data sets as one; at least one, all with the same preprocessor."""
    lengths = np.concatenate([each.lengths for each in datasets])
    return ClipDataset(
        [clip for each in datasets for clip in each.clips],
        datasets[0].preprocessor,
        np.concatenate([each.targets for each in datasets]),
        np.cumsum([0, *lengths], dtype=np.int64),
    )


def content_hash(values: np.ndarray) -> int:
    """A hash of the frames of a clip, a signed number of 64 bits."""
    digest = hashlib.blake2b(values.tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


@dataclass(frozen=True)
class ClipBatch:
    """Clips as one batch.

    Attributes:
        x: the frames of all clips, concatenated: uint8 [N, C, H, W], or numbers [N, 2F].
        lengths: frames of each clip, [B].
        y: class of each clip [B], or of each frame [N].
    """

    x: Tensor
    lengths: Tensor
    y: Tensor

    def to(self, device: torch.device) -> ClipBatch:
        """The same batch on a device."""
        return ClipBatch(self.x.to(device), self.lengths.to(device), self.y.to(device))


def make_batch(dataset: ClipDataset, rows: Sequence[int]) -> ClipBatch:
    """These rows of a data set as one batch."""
    return ClipBatch(
        torch.from_numpy(np.concatenate([dataset.values(row) for row in rows])),
        torch.from_numpy(dataset.lengths[list(rows)]),
        torch.from_numpy(np.concatenate([dataset.target(row) for row in rows])),
    )


class ClipBatches:
    """Training batches of similar lengths, shuffled each epoch: a function of seed and number.

    Args:
        dataset: the training set.
        batch_size: clips per batch.
        seed: of the order.
    """

    def __init__(self, dataset: ClipDataset, batch_size: int, seed: int) -> None:
        self._dataset = dataset
        self.order = Bucketed(dataset.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> ClipBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return make_batch(self._dataset, self.order.rows(number))
