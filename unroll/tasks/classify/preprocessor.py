"""Labelled sequences as numbers: the preprocessor, what it makes of records, and batches of that.

T time, B batch, F columns, K classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.data.series import Scaler
from unroll.data.vocabularies import load_vocabulary
from unroll.data.vocabulary import UNKNOWN, Vocabulary
from unroll.data.words import WORD_OR_MARK
from unroll.errors import UserError
from unroll.tasks.classify.counts import FILE, Counted, owned

MANY = 10  # classes that a sentence names


@dataclass(frozen=True)
class ClassifyPreprocessor:
    """From texts or numbers, and labels, to what a network reads, and back.

    classes: the labels, in order. several: whether a record may have any number of them.
    vocabulary: of texts; scaler: of numbers; one of the two is None. split: "punctuation" cuts
    marks off words first. lower: case is dropped. longest: steps that are read. counted: what words
    say by counting, where that stands beside the network.
    """

    classes: list[str]
    several: bool = False
    vocabulary: Vocabulary | None = None
    scaler: Scaler | None = None
    split: str = "spaces"
    lower: bool = True
    longest: int = 400
    counted: Counted | None = field(default=None, compare=False)
    number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", {name: k for k, name in enumerate(self.classes)})

    @property
    def inputs(self) -> int:
        """Tokens of the vocabulary, or columns."""
        if self.scaler is not None:
            return len(self.scaler.names)
        return 0 if self.vocabulary is None else len(self.vocabulary)

    def encode(self, value: Any) -> np.ndarray:
        """All steps: ids int64 [T], or scaled numbers float32 [T, F]."""
        if self.scaler is not None:
            return self.scaler(value)
        if self.vocabulary is None:
            return np.zeros(0, dtype=np.int64)
        return self.vocabulary.encode(
            prepared(value, self.vocabulary.level, self.split, self.lower)
        )

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text as they stand in it."""
        if self.vocabulary is None:
            return []
        level = self.vocabulary.level
        text = prepared(text, level, self.split, self.lower)
        if level == "word":
            return text.split(" ")
        if level == "char":
            return list(text)
        return [self.vocabulary.name(int(id)) for id in self.vocabulary.encode(text)]

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record: dict[str, Any] = {
            "classes": self.classes,
            "several": self.several,
            "split": self.split,
            "lower": self.lower,
            "longest": self.longest,
        }
        if self.scaler is not None:
            record["scaler"] = vars(self.scaler)
        text = json.dumps(record, ensure_ascii=False, indent=0)
        files = {"classes.json": text.encode("utf-8", "surrogatepass")}
        if self.counted is not None:
            files[FILE] = self.counted.file()
        return files if self.vocabulary is None else {**files, **self.vocabulary.files()}

    @classmethod
    def load(cls, folder: Path) -> ClassifyPreprocessor:
        """The preprocessor of a run folder.

        Raises: UserError where it is not whole.
        """
        path = folder / "classes.json"
        if not path.exists():
            raise UserError(f"{folder} holds no classes.json; expected the run of a classifier.")
        record = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        scaler = record.pop("scaler", None)
        if scaler is not None:
            return cls(**record, scaler=Scaler(**scaler))
        counted = Counted.load(folder / FILE) if (folder / FILE).exists() else None
        return cls(**record, vocabulary=load_vocabulary(folder), counted=counted)


def prepared(text: str, level: str, split: str, lower: bool) -> str:
    """A text as its vocabulary reads it; of words, with one space between them."""
    if lower:
        text = text.lower()
    if level != "word":
        return text
    return " ".join(WORD_OR_MARK.findall(text) if split == "punctuation" else text.split())


@dataclass(frozen=True)
class Labelled:
    """Records as numbers, end to end.

    items: ids int32 [N], or numbers float32 [N, F]. starts: where each of R records begins, and N,
    [R + 1]. targets: class int64 [R], or bool [R, K] where there may be several. marks: a hash of
    each record's value, int64 [R]. cut: how many were longer than is read. unknown: how many steps
    are unknown tokens. counted: what scores them by counting, or None; own: whether they are the
    records that it counted.
    """

    items: np.ndarray
    starts: np.ndarray
    targets: np.ndarray
    marks: np.ndarray
    cut: int
    unknown: int
    counted: Counted | None = None
    own: bool = False

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each record, int64 [R]."""
        return np.diff(self.starts)

    def values(self, row: int) -> np.ndarray:
        """The steps of one record."""
        return self.items[self.starts[row] : self.starts[row + 1]]


def encoded(
    records: Iterable[Record],
    preprocessor: ClassifyPreprocessor,
    problems: Problems,
    *,
    refuse: bool = False,
) -> Labelled:
    """Records in the numbers of a preprocessor; a label that it does not know is bad.

    refuse: whether a record that is longer than `preprocessor.longest` is bad too, instead of cut.
    """
    parts: list[np.ndarray] = []
    targets: list[Any] = []
    marks: list[int] = []
    cut = unknown = 0
    for record in records:
        stranger = next(
            (label for label in record.labels if label not in preprocessor.number), None
        )
        if stranger is not None:
            problems.bad(
                f"{record.where}: the label {stranger!r} was never seen in training; known are "
                f"{shown(preprocessor.classes)}."
            )
            continue
        steps = preprocessor.encode(record.value)
        if len(steps) > preprocessor.longest:
            if refuse:
                problems.bad(
                    f"{record.where}: {len(steps):,} steps where --set longest={preprocessor.longest} are "
                    "read; --set too_long=cut reads the beginning."
                )
                continue
            cut, steps = cut + 1, steps[: preprocessor.longest]
        if preprocessor.scaler is None:
            steps = steps.astype(np.int32)
            unknown += int((steps == UNKNOWN).sum())
        parts.append(steps)
        marks.append(mark(record.value))
        targets.append(target(record.labels, preprocessor))
    empty = (
        np.zeros((0, preprocessor.inputs), np.float32)
        if preprocessor.scaler
        else np.zeros(0, np.int32)
    )
    kind = bool if preprocessor.several else np.int64
    return Labelled(
        items=np.concatenate([empty, *parts]),
        starts=np.cumsum([0, *map(len, parts)], dtype=np.int64),
        targets=np.asarray(targets, dtype=kind).reshape(
            (len(parts), len(preprocessor.classes)) if preprocessor.several else (len(parts),)
        ),
        marks=np.asarray(marks, dtype=np.int64),
        cut=cut,
        unknown=unknown,
        counted=preprocessor.counted,
    )


def target(labels: tuple[str, ...], preprocessor: ClassifyPreprocessor) -> Any:
    """The number of a label, 0 for a question; or which of all classes are there."""
    if not preprocessor.several:
        return preprocessor.number[labels[0]] if labels else 0
    row = np.zeros(len(preprocessor.classes), dtype=bool)
    row[[preprocessor.number[label] for label in labels]] = True
    return row


def mark(value: Any) -> int:
    """A hash of a text, whatever its case and spaces, or of numbers."""
    said = " ".join(value.lower().split()).encode() if isinstance(value, str) else value.tobytes()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little", signed=True)


def shown(names: list[str]) -> str:
    """Names for a sentence, not too many."""
    more = len(names) - MANY
    return ", ".join(names[:MANY]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class LabelledBatch:
    """x: ids [T, B] or numbers [T, B, F], zero where padded. lengths: [B]. y: classes [B], or
    float [B, K] where there may be several. counted: scores by counting [B, O, K], or None."""

    x: Tensor
    lengths: Tensor
    y: Tensor
    counted: Tensor | None = None
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many sequences: each has one loss."""
        return len(self.lengths)

    def to(self, device: torch.device) -> LabelledBatch:
        """The same batch on a device."""
        counted = None if self.counted is None else self.counted.to(device)
        x, lengths, y = (each.to(device) for each in (self.x, self.lengths, self.y))
        return LabelledBatch(x, lengths, y, counted)


def batch_of(labelled: Labelled, rows: list[int]) -> LabelledBatch:
    """These records as one padded batch."""
    lengths = labelled.lengths[rows]
    steps = np.arange(lengths.max(initial=1))[:, None]
    own = steps < lengths  # [T, B]
    x = labelled.items[np.where(own, labelled.starts[rows] + steps, 0)]
    x[~own] = 0
    counted = None
    if labelled.counted is not None:
        K = labelled.counted.classes
        classes = owned(labelled.targets[rows], K) if labelled.own else None
        read = labelled.items[(labelled.starts[rows] + steps).T[own.T]]
        ends = np.cumsum([0, *lengths])
        counted = torch.from_numpy(labelled.counted.scores(read, ends, classes))
    y = torch.from_numpy(labelled.targets[rows])
    return LabelledBatch(
        torch.from_numpy(x if x.ndim == 3 else x.astype(np.int64)),
        torch.from_numpy(lengths),
        y.float() if y.dim() == 2 else y,
        counted,
    )


class LabelledBatches:
    """Batches of about equal lengths, shuffled anew each epoch: a function of seed and number."""

    def __init__(self, labelled: Labelled, batch_size: int, seed: int) -> None:
        self._labelled = labelled
        self.order = Bucketed(labelled.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> LabelledBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return batch_of(self._labelled, self.order.rows(number))


def label_counts(labelled: Labelled, classes: int) -> np.ndarray:
    """How many records have each class, int64 [K]."""
    if labelled.targets.ndim == 2:
        return np.asarray(labelled.targets.sum(0), dtype=np.int64)
    return np.bincount(labelled.targets, minlength=classes)


def balanced(labelled: Labelled, classes: int) -> np.ndarray:
    """What each class weighs so that all together weigh the same, float32 [K].

    One label a record: R / (K n_k). Several: (R - n_k) / n_k, the weight of a label that is there.
    """
    counts, total = label_counts(labelled, classes).clip(1), len(labelled)
    several = labelled.targets.ndim == 2
    weights: np.ndarray = (total - counts) / counts if several else total / (classes * counts)
    return weights.astype(np.float32)
