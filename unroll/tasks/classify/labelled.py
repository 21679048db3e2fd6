"""Labelled records as numbers, and padded batches of them.

T time, B batch, F columns, K classes, R records, N steps of all records together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.data.split import content_hash
from unroll.data.vocabulary import UNKNOWN
from unroll.tasks.classify.counts import NgramCounts, class_indicators
from unroll.tasks.classify.floor import ClassifyFloor, FloorInputs
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor


@dataclass(frozen=True)
class LabelledSequences:
    """Labelled records as numbers, end to end.

    Attributes:
        items: ids int32 [N], or scaled numbers float32 [N, F].
        starts: where each record begins, and N, [R + 1].
        targets: the class of each record, int64 [R]; or bool [R, K] where there may be several.
        content_hashes: of each record's text or numbers, int64 [R].
        is_truncated: which records were longer than is read, bool [R].
        unknown: how many steps are unknown tokens.
        counts: what scores the records by counting, or None.
        were_counted: whether `counts` was fitted on these records.
        texts: of each record, [R]; empty where the records are numbers.
        unseen: the labels of each record that are no class, [R]; empty where no record has any. Its
            target is -1 then, or has the other labels where a record may have several.
        floor: the simple model that scores the records, or None.
        groups: what each record belongs to with others, [R]; "" where nothing names it.
    """

    items: np.ndarray
    starts: np.ndarray
    targets: np.ndarray
    content_hashes: np.ndarray
    is_truncated: np.ndarray
    unknown: int
    counts: NgramCounts | None = None
    were_counted: bool = False
    texts: Sequence[str] = ()
    unseen: Sequence[tuple[str, ...]] = ()
    floor: ClassifyFloor | None = None
    groups: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each record, int64 [R]."""
        return np.diff(self.starts)

    @property
    def truncated(self) -> int:
        """How many records were longer than is read."""
        return int(self.is_truncated.sum())

    @property
    def floor_inputs(self) -> FloorInputs:
        """The records as the simple model reads them."""
        return FloorInputs(self.texts, self.items, self.lengths, self.targets)

    @cached_property
    def floor_logits(self) -> np.ndarray | None:
        """The logits of the simple model, [R, K]; None where there is none."""
        return None if self.floor is None else self.floor.logits(self.floor_inputs)

    def joined(self, other: LabelledSequences) -> LabelledSequences:
        """These records and then others of the same preprocessor."""
        return replace(
            self,
            items=np.concatenate([self.items, other.items]),
            starts=np.concatenate([self.starts, self.starts[-1] + other.starts[1:]]),
            targets=np.concatenate([self.targets, other.targets]),
            content_hashes=np.concatenate([self.content_hashes, other.content_hashes]),
            is_truncated=np.concatenate([self.is_truncated, other.is_truncated]),
            unknown=self.unknown + other.unknown,
            texts=[*self.texts, *other.texts],
            groups=[*self.groups, *other.groups],
        )

    @property
    def unseen_labels(self) -> list[str]:
        """The labels that are no class, each once."""
        return sorted({label for each in self.unseen for label in each})

    def with_known_labels(self) -> LabelledSequences:
        """Only the records whose labels are all classes, from which something can be fitted."""
        if not self.unseen:
            return self
        return self.take([row for row, labels in enumerate(self.unseen) if not labels])

    def take(self, rows: Sequence[int]) -> LabelledSequences:
        """Only the records at these rows."""
        items = np.concatenate([self.items[:0], *(self.values(row) for row in rows)])
        unseen = [self.unseen[row] for row in rows] if self.unseen else ()
        return replace(
            self,
            items=items,
            starts=np.cumsum([0, *self.lengths[rows]], dtype=np.int64),
            targets=self.targets[rows],
            content_hashes=self.content_hashes[rows],
            is_truncated=self.is_truncated[rows],
            unknown=int((items == UNKNOWN).sum()) if items.ndim == 1 else 0,
            texts=[self.texts[row] for row in rows] if self.texts else (),
            unseen=unseen if any(unseen) else (),
            groups=[self.groups[row] for row in rows] if self.groups else (),
        )

    def values(self, row: int) -> np.ndarray:
        """The steps of one record, [T] or [T, F]."""
        return self.items[self.starts[row] : self.starts[row + 1]]


def encode_records(
    records: Iterable[Record],
    preprocessor: ClassifyPreprocessor,
    problems: Problems,
    *,
    refuse_long: bool = False,
) -> LabelledSequences:
    """Records in the numbers of a preprocessor.

    Args:
        records: as a source reads them.
        preprocessor: knows the classes, and the tokens or scales.
        problems: takes what is wrong with a record, such as too many steps.
        refuse_long: whether a record that is longer than `preprocessor.longest` is bad. Default: it
            is truncated.

    Raises:
        UserError: for the first bad record, unless `problems` skips bad records.
    """
    parts: list[np.ndarray] = []
    targets: list[int | np.ndarray] = []
    hashes: list[int] = []
    texts: list[str] = []
    groups: list[str] = []
    unseen: list[tuple[str, ...]] = []
    is_truncated: list[bool] = []
    longest, unknown = preprocessor.longest, 0
    for record in records:
        steps = preprocessor.encode(record.value)
        if len(steps) > longest:
            if refuse_long:
                problems.bad(
                    f"{record.where}: {len(steps):,} {preprocessor.step_unit}; expected at most "
                    f"{longest:,} (--set longest=N). Read their beginning by --set too_long=cut."
                )
                continue
        is_truncated.append(len(steps) > longest)
        steps = steps[:longest]
        if preprocessor.scaler is None:
            steps = steps.astype(np.int32)
            unknown += int((steps == UNKNOWN).sum())
            texts.append(record.value)
        parts.append(steps)
        known = preprocessor.class_numbers
        unseen.append(tuple(label for label in record.labels if label not in known))
        hashes.append(hash_value(record.value))
        groups.append(record.group)
        targets.append(encode_labels(record.labels, preprocessor))
    numbers, K = preprocessor.scaler is not None, len(preprocessor.classes)
    empty = np.zeros((0, preprocessor.inputs), np.float32) if numbers else np.zeros(0, np.int32)
    return LabelledSequences(
        items=np.concatenate([empty, *parts]),
        starts=np.cumsum([0, *map(len, parts)], dtype=np.int64),
        targets=np.asarray(targets, dtype=bool if preprocessor.multi_label else np.int64).reshape(
            (len(parts), K) if preprocessor.multi_label else (len(parts),)
        ),
        content_hashes=np.asarray(hashes, dtype=np.int64),
        is_truncated=np.array(is_truncated, dtype=bool),
        unknown=unknown,
        counts=preprocessor.counts,
        texts=texts,
        unseen=unseen if any(unseen) else (),
        floor=preprocessor.floor,
        groups=groups,
    )


def encode_labels(labels: tuple[str, ...], preprocessor: ClassifyPreprocessor) -> int | np.ndarray:
    """The number of the label, 0 where there is none; or bool [K], where there may be several.

    A label that is no class is -1, or none of several.
    """
    numbers = preprocessor.class_numbers
    if not preprocessor.multi_label:
        return 0 if not labels else numbers[labels[0]] if labels[0] in numbers else -1
    row = np.zeros(len(preprocessor.classes), dtype=bool)
    row[[numbers[label] for label in labels if label in numbers]] = True
    return row


def hash_value(value: Any) -> int:
    """The content hash of a text, whatever its case and spaces, or of numbers."""
    if isinstance(value, str):
        return content_hash(" ".join(value.lower().split()).encode())
    return content_hash(value.tobytes())


@dataclass(frozen=True)
class ClassifyBatch:
    """Records side by side, zero where padded.

    Attributes:
        x: ids [T, B], or numbers [T, B, F].
        lengths: steps of each record, [B].
        y: classes int64 [B], or float [B, K] where there may be several.
        count_scores: the scores by counting, float32 [B, O, K] for O orders, or None.
    """

    x: Tensor
    lengths: Tensor
    y: Tensor
    count_scores: Tensor | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> ClassifyBatch:
        """The same batch on a device."""
        scores = None if self.count_scores is None else self.count_scores.to(device)
        return ClassifyBatch(self.x.to(device), self.lengths.to(device), self.y.to(device), scores)


def make_batch(records: LabelledSequences, rows: list[int]) -> ClassifyBatch:
    """These rows of the records as one padded batch, on the CPU."""
    lengths = records.lengths[rows]
    steps = np.arange(lengths.max(initial=1))[:, None]
    is_real = steps < lengths  # [T, B]
    x = records.items[np.where(is_real, records.starts[rows] + steps, 0)]
    x[~is_real] = 0
    scores = None
    if records.counts is not None:
        K = records.counts.classes
        classes = class_indicators(records.targets[rows], K) if records.were_counted else None
        items = records.items[(records.starts[rows] + steps).T[is_real.T]]
        starts = np.cumsum([0, *lengths])
        scores = torch.from_numpy(records.counts.scores(items, starts, classes))
    y = torch.from_numpy(records.targets[rows])
    return ClassifyBatch(
        torch.from_numpy(x if x.ndim == 3 else x.astype(np.int64)),
        torch.from_numpy(lengths),
        y.float() if y.dim() == 2 else y,
        scores,
    )


class ClassifyBatches:
    """Batches of records of similar length, shuffled again each epoch: a function of the seed.

    Args:
        records: those of the training set.
        batch_size: records of a batch.
        seed: of the shuffling.
    """

    def __init__(self, records: LabelledSequences, batch_size: int, seed: int) -> None:
        self._records = records
        self.order = Bucketed(records.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> ClassifyBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return make_batch(self._records, self.order.rows(number))


def class_counts(records: LabelledSequences, classes: int) -> np.ndarray:
    """How many records have each class, int64 [K]."""
    if records.targets.ndim == 2:
        return np.asarray(records.targets.sum(0), dtype=np.int64)
    return np.bincount(records.targets, minlength=classes)


def balanced_weights(records: LabelledSequences, classes: int) -> np.ndarray:
    """A weight for each class with which all classes have the same total weight, float32 [K].

    One label per record: R / (K n_k). Several: (R - n_k) / n_k, the weight of a label that is set.
    """
    counts, total = class_counts(records, classes).clip(1), len(records)
    multi_label = records.targets.ndim == 2
    weights: np.ndarray = (total - counts) / counts if multi_label else total / (classes * counts)
    return weights.astype(np.float32)
