"""Records of sounds, lines and strokes as padded batches; files are read when they are needed.

T frames, B batch, F features per frame.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from unroll.data.bucketed import Bucketed
from unroll.data.series import Scaler
from unroll.tasks.transcribe.perturbation import Perturbation
from unroll.tasks.transcribe.preprocessor import (
    SMALLEST_DEVIATION,
    FeatureScale,
    TranscribePreprocessor,
    steps_needed,
)
from unroll.tasks.transcribe.segment_statistics import PLAIN, Variation, recording_statistics

CACHE_BYTES = 1 << 28  # of file contents that stay in memory once they are read


@dataclass(frozen=True)
class TranscribeRecord:
    """A file with its text.

    Attributes:
        path: of the file.
        text: the spoken or written text.
        speaker: empty where no column names it.
        where: file and line of the table, for people.
        size: samples at the recorded rate, or frames of a line or of strokes.
        rate: recorded samples per second; 0 where it is no sound.
        content_hash: SHA-256 of the contents, in hexadecimal digits.
        person: who speaks or writes, as far as a column says; for splits only.
    """

    path: Path
    text: str
    speaker: str
    where: str
    size: int
    rate: int
    content_hash: str
    person: str = ""


class TranscribeDataset:
    """Records whose files are read when they are needed; what is read is cached while there is room.

    No file stays open.

    Attributes:
        records: R of them.
        preprocessor: makes features and tokens of them.
        tokens: R lists, the tokens of each text.
        lengths: int64 [R], frames of each record.
    """

    def __init__(
        self, records: Sequence[TranscribeRecord], preprocessor: TranscribePreprocessor
    ) -> None:
        self.records, self.preprocessor = list(records), preprocessor
        self.tokens = [preprocessor.encode(record.text) for record in self.records]
        self.lengths = np.array(
            [frame_count(record, preprocessor) for record in self.records], dtype=np.int64
        )
        self._cache: dict[int, np.ndarray] = {}
        self._cached_bytes = 0
        self._statistics: dict[tuple[int, Variation], np.ndarray] = {}
        self._scales: dict[str, FeatureScale] = {}
        if preprocessor.normalise == "speaker":
            for name in {record.speaker for record in self.records}:
                own = [k for k, record in enumerate(self.records) if record.speaker == name]
                self._scales[name] = feature_scale(self, own)

    def with_preprocessor(self, preprocessor: TranscribePreprocessor) -> TranscribeDataset:
        """The same records with a preprocessor of the same tokens and features; nothing is read again."""
        other = copy.copy(self)
        other.preprocessor = preprocessor
        return other

    def joined(self, other: TranscribeDataset) -> TranscribeDataset:
        """These records and those of another data set that are long enough for their texts."""
        rows = [row for row in range(len(other)) if other.fits(row)]
        records = [*self.records, *(other.records[row] for row in rows)]
        both = TranscribeDataset(records, self.preprocessor)
        read = {
            len(self) + k: other._cache[row] for k, row in enumerate(rows) if row in other._cache
        }
        both._cache = {**self._cache, **read, **both._cache}
        both._cached_bytes = sum(content.nbytes for content in both._cache.values())
        return both

    def __len__(self) -> int:
        return len(self.records)

    def scale(self, row: int) -> FeatureScale | None:
        """The scale of a record's speaker; None where features are not scaled by speaker."""
        return self._scales.get(self.records[row].speaker)

    def fits(self, row: int) -> bool:
        """Whether a record has enough steps for its text, as CTC needs."""
        steps = self.preprocessor.steps(int(self.lengths[row]))
        return steps >= max(1, steps_needed(self.tokens[row]))

    def raw(self, row: int) -> np.ndarray:
        """The contents of a record's file, as `TranscribePreprocessor.load_raw` reads them."""
        content = self._cache.get(row)
        if content is None:
            content = self.preprocessor.load_raw(self.records[row].path)
            if self._cached_bytes + content.nbytes <= CACHE_BYTES:
                self._cache[row] = content
                self._cached_bytes += content.nbytes
        return content

    def statistics(self, row: int, variations: Sequence[Variation] = (PLAIN,)) -> np.ndarray:
        """Statistics [V, P] of a record in these variations, for the simple model of closed texts."""
        keys = [(row, variation) for variation in variations]
        if not all(key in self._statistics for key in keys):
            found = recording_statistics(self.preprocessor, self.raw(row), variations)
            if self._cached_bytes + found.nbytes > CACHE_BYTES:
                return found
            self._statistics.update(zip(keys, found, strict=True))
            self._cached_bytes += found.nbytes
        return np.stack([self._statistics[key] for key in keys])

    def features(
        self,
        row: int,
        perturbation: Perturbation | None = None,
        draw: np.random.Generator | None = None,
    ) -> Tensor:
        """Features [T, F] of a record.

        Args:
            row: which record, from 0.
            perturbation: how far it is changed for training. Default: not at all.
            draw: where the random numbers come from.
        """
        return self.preprocessor.features(self.raw(row), self.scale(row), perturbation, draw)


@dataclass(frozen=True)
class TranscribeBatch:
    """Records as one padded batch.

    Attributes:
        x: features [T, B, F], zero where padded.
        lengths: frames of each record, [B].
        y: the tokens of all texts, concatenated.
        y_lengths: tokens of each text, [B].
    """

    x: Tensor
    lengths: Tensor
    y: Tensor
    y_lengths: Tensor

    def to(self, device: torch.device) -> TranscribeBatch:
        """The same batch on a device."""
        return TranscribeBatch(
            self.x.to(device), self.lengths.to(device), self.y.to(device), self.y_lengths.to(device)
        )


def make_batch(
    dataset: TranscribeDataset,
    rows: list[int],
    perturbation: Perturbation | None = None,
    draw: np.random.Generator | None = None,
) -> TranscribeBatch:
    """These rows of a data set as one padded batch; the other arguments as in `features`."""
    x = [dataset.features(row, perturbation, draw) for row in rows]
    y = [dataset.tokens[row] for row in rows]
    return TranscribeBatch(
        pad_sequence(x),
        torch.tensor([len(each) for each in x]),
        torch.tensor([token for each in y for token in each], dtype=torch.int64),
        torch.tensor([len(each) for each in y]),
    )


class TranscribeBatches:
    """Training batches of similar lengths, perturbed at random: a function of seed and number.

    Args:
        dataset: the training set.
        batch_size: records per batch.
        seed: of the order and of the perturbations.
        perturbation: how far records are changed; None: not at all.
    """

    def __init__(
        self,
        dataset: TranscribeDataset,
        batch_size: int,
        seed: int,
        perturbation: Perturbation | None,
    ) -> None:
        self._dataset, self._perturbation, self._seed = dataset, perturbation, seed
        self.order = Bucketed(dataset.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> TranscribeBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        draw = np.random.default_rng((self._seed, number, 1))
        return make_batch(self._dataset, self.order.rows(number), self._perturbation, draw)


def frame_count(record: TranscribeRecord, preprocessor: TranscribePreprocessor) -> int:
    """Frames T of a record; its file is not read."""
    if preprocessor.mel is None:
        return record.size
    return preprocessor.mel.frames(-(-record.size * preprocessor.mel.rate // record.rate))


def feature_scale(dataset: TranscribeDataset, rows: Sequence[int]) -> FeatureScale:
    """Mean and deviation of each feature over these rows, [F] each."""
    preprocessor = dataset.preprocessor
    first = preprocessor.unscaled(dataset.raw(rows[0]))
    scaler = Scaler.learn(
        [""] * first.shape[1],
        (preprocessor.unscaled(dataset.raw(row)).numpy() for row in rows),
    )
    smallest = SMALLEST_DEVIATION if preprocessor.mel else 1e-6
    return np.array(scaler.mean), np.maximum(np.array(scaler.deviation), smallest)
