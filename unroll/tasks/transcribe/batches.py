"""Recordings, of sounds, lines or strokes, as batches: read when they are wanted.

T frames, B batch, F features a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from unroll.data.bucketed import Bucketed
from unroll.data.series import Scaler
from unroll.tasks.transcribe.preprocessor import (
    LEAST,
    Perturbation,
    TranscribePreprocessor,
    steps_needed,
)

KEPT = 1 << 28  # bytes of sounds that stay in memory once they are read


@dataclass(frozen=True)
class Recording:
    """size: samples at the rate they were recorded with, or frames. rate: that rate, else 0.
    mark: a hash of what is in the file. where: file and line of the table."""

    path: Path
    text: str
    speaker: str
    where: str
    size: int
    rate: int
    mark: str


class Recordings:
    """Recordings whose files are read when they are wanted, and kept while there is room.

    No file is open but in the moment it is read.
    """

    def __init__(self, items: Sequence[Recording], preprocessor: TranscribePreprocessor) -> None:
        self.items, self.preprocessor = list(items), preprocessor
        self.tokens = [preprocessor.encode(item.text) for item in self.items]
        self.lengths = np.array(
            [frames_of(item, preprocessor) for item in self.items], dtype=np.int64
        )
        self._kept: dict[int, np.ndarray] = {}
        self._bytes = 0
        self._scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        if preprocessor.normalise == "speaker":
            for name in {item.speaker for item in self.items}:
                own = [k for k, item in enumerate(self.items) if item.speaker == name]
                self._scales[name] = scale_of(self, own)

    def __len__(self) -> int:
        return len(self.items)

    def scale(self, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and deviation [F] of a recording's speaker; None where speakers are not told apart."""
        return self._scales.get(self.items[row].speaker)

    def holds(self, row: int) -> bool:
        """Whether the steps of a recording can hold its text, as CTC needs."""
        steps = self.preprocessor.steps(int(self.lengths[row]))
        return steps >= max(1, steps_needed(self.tokens[row]))

    def raw(self, row: int) -> np.ndarray:
        """What the file of a recording holds."""
        found = self._kept.get(row)
        if found is None:
            found = self.preprocessor.load_raw(self.items[row].path)
            if self._bytes + found.nbytes <= KEPT:
                self._kept[row] = found
                self._bytes += found.nbytes
        return found

    def features(
        self,
        row: int,
        perturbation: Perturbation | None = None,
        draw: np.random.Generator | None = None,
    ) -> Tensor:
        """[T, F] of a recording."""
        return self.preprocessor.features(self.raw(row), self.scale(row), perturbation, draw)


@dataclass(frozen=True)
class TranscribeBatch:
    """x: features [T, B, F], zero where padded. lengths: [B]. y: the tokens of all texts, one after
    the other. y_lengths: [B]."""

    x: Tensor
    lengths: Tensor
    y: Tensor
    y_lengths: Tensor
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many characters or words."""
        return len(self.y)

    def to(self, device: torch.device) -> TranscribeBatch:
        """The same batch on a device."""
        return TranscribeBatch(
            self.x.to(device), self.lengths.to(device), self.y.to(device), self.y_lengths.to(device)
        )


def batch_of(
    recordings: Recordings,
    rows: list[int],
    perturbation: Perturbation | None = None,
    draw: np.random.Generator | None = None,
) -> TranscribeBatch:
    """These recordings as one padded batch."""
    x = [recordings.features(row, perturbation, draw) for row in rows]
    y = [recordings.tokens[row] for row in rows]
    return TranscribeBatch(
        pad_sequence(x),
        torch.tensor([len(each) for each in x]),
        torch.tensor([token for each in y for token in each], dtype=torch.int64),
        torch.tensor([len(each) for each in y]),
    )


class TranscribeBatches:
    """Batches of about equal lengths, each perturbed in its own way: a function of seed and
    number."""

    def __init__(
        self, recordings: Recordings, batch_size: int, seed: int, perturbation: Perturbation | None
    ) -> None:
        self._recordings, self._perturbation, self._seed = recordings, perturbation, seed
        self.order = Bucketed(recordings.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> TranscribeBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        draw = np.random.default_rng((self._seed, number, 1))
        return batch_of(self._recordings, self.order.rows(number), self._perturbation, draw)


def frames_of(item: Recording, preprocessor: TranscribePreprocessor) -> int:
    """T of a recording, without reading it."""
    if preprocessor.mel is None:
        return item.size
    return preprocessor.mel.frames(-(-item.size * preprocessor.mel.rate // item.rate))


def scale_of(recordings: Recordings, rows: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over these recordings, [F] each."""
    first = recordings.preprocessor.unscaled(recordings.raw(rows[0]))
    scaler = Scaler.learn(
        [""] * first.shape[1],
        (recordings.preprocessor.unscaled(recordings.raw(row)).numpy() for row in rows),
    )
    deviation = np.maximum(
        np.array(scaler.deviation), LEAST if recordings.preprocessor.mel else 1e-6
    )
    return np.array(scaler.mean), deviation
