"""Clips as numbers: the preprocessor, what it makes of them, and batches of that.

T time, B batch, N frames of a batch, C channels, H height, W width, F numbers a frame, K classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.bucketed import Bucketed
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.frames.clips import Clip, Reading
from unroll.tasks.frames.scale import NumberScale

MANY = 10  # classes that a sentence names
THUMB = 8  # pixels of a side of what baselines see


@dataclass(frozen=True)
class FramesPreprocessor:
    """From clips and labels to what a network reads, and back.

    classes: the labels, in order. per_frame: whether each frame has one. reading: how clips are
    read. scaler: of numbers; None for pictures. columns: of a wide table, without its label; None
    where clips are files.
    """

    classes: list[str]
    per_frame: bool
    reading: Reading
    scaler: NumberScale | None = None
    columns: int | None = None
    number: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", {name: k for k, name in enumerate(self.classes)})

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of a frame as the network reads it: of numbers also their changes."""
        shape = self.reading.shape
        return shape if self.scaler is None else (2 * shape[0],)

    def prepared(self, clip: Clip) -> np.ndarray:
        """What the network reads of a clip: 8-bit pixels as they are, numbers scaled,
        with their changes."""
        return clip.values if self.scaler is None else self.scaler(clip.values)

    def wide_clip(self, values: np.ndarray) -> Clip:
        """A row of a wide table as a clip."""
        return self.reading.of_numbers(values.reshape(-1, self.reading.shape[0]))

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record: dict[str, Any] = {
            "classes": self.classes,
            "per_frame": self.per_frame,
            "reading": asdict(self.reading),
            "columns": self.columns,
        }
        if self.scaler is not None:
            record["scaler"] = vars(self.scaler)
        text = json.dumps(record, ensure_ascii=False, indent=0)
        return {"classes.json": text.encode("utf-8", "surrogatepass")}

    @classmethod
    def load(cls, folder: Path) -> FramesPreprocessor:
        """The preprocessor of a run folder.

        Raises: UserError where it is not whole.
        """
        path = folder / "classes.json"
        if not path.exists():
            raise UserError(f"{folder} holds no classes.json; expected a run of the task frames.")
        record = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        scaler, reading = record.pop("scaler", None), record.pop("reading")
        reading["shape"] = tuple(reading["shape"])
        return cls(
            **record,
            reading=Reading(**reading),
            scaler=None if scaler is None else NumberScale(**scaler),
        )


@dataclass
class Loaded:
    """A clip that was read once. values: None where it is read again each time. labels: one, or one
    for each frame that is read. thumbs: its frames small, 8 bits, or its numbers; what baselines
    see. total: frames of the file. mark: a hash of what was read."""

    values: np.ndarray | None
    source: Path | np.ndarray
    labels: tuple[str, ...]
    length: int
    total: int
    thumbs: np.ndarray
    mark: int
    name: str
    where: str
    group: str | None


@dataclass(frozen=True)
class Framed:
    """Clips ready to learn from. targets: class of each clip, or of each frame end to end, int64;
    starts: where each of R clips begins among all frames, and their number, [R + 1]."""

    clips: list[Loaded]
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
    def marks(self) -> list[int]:
        return [clip.mark for clip in self.clips]

    @property
    def cut(self) -> int:
        """Clips whose end is not read."""
        every = self.preprocessor.reading.every
        return sum(-(-clip.total // every) > clip.length for clip in self.clips)

    def values(self, row: int) -> np.ndarray:
        """What the network reads of a clip; read from its file where memory did not hold it."""
        clip = self.clips[row]
        if clip.values is not None:
            return clip.values
        if isinstance(clip.source, Path):
            return self.preprocessor.prepared(self.preprocessor.reading(clip.source))
        return self.preprocessor.prepared(self.preprocessor.wide_clip(clip.source))

    def target(self, row: int) -> np.ndarray:
        """The class of a clip [1], or of its frames [T]."""
        if self.preprocessor.per_frame:
            return self.targets[self.starts[row] : self.starts[row + 1]]
        return self.targets[row : row + 1]


def framed(clips: Iterable[Loaded], preprocessor: FramesPreprocessor, problems: Problems) -> Framed:
    """Clips in the numbers of a preprocessor; a label that it does not know is bad."""
    kept: list[Loaded] = []
    targets: list[int] = []
    for clip in clips:
        stranger = next((label for label in clip.labels if label not in preprocessor.number), None)
        if stranger is not None:
            more = len(preprocessor.classes) - MANY
            problems.bad(
                f"{clip.where}: the label {stranger!r} was never seen in training; known are "
                f"{', '.join(preprocessor.classes[:MANY])}{f' and {more} more' if more > 0 else ''}."
            )
            continue
        if clip.values is not None and preprocessor.scaler is not None:
            clip.values = preprocessor.scaler(clip.values)
        kept.append(clip)
        targets += [preprocessor.number[label] for label in clip.labels]
    starts = np.cumsum([0, *(clip.length for clip in kept)], dtype=np.int64)
    return Framed(kept, preprocessor, np.asarray(targets, dtype=np.int64), starts)


def small(values: np.ndarray) -> np.ndarray:
    """What baselines see of a clip: frames of at most 8 x 8, uint8 [T, C*h*w]; numbers as they are."""
    if values.ndim == 2:
        return values
    sides = (min(THUMB, values.shape[2]), min(THUMB, values.shape[3]))
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(values).float(), sides)
    return pooled.round().to(torch.uint8).flatten(1).numpy()


def mark(values: np.ndarray) -> int:
    """A hash of a clip."""
    digest = hashlib.blake2b(values.tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


@dataclass(frozen=True)
class FrameBatch:
    """x: the frames of all clips end to end, uint8 [N, C, H, W] or numbers [N, F]. lengths: frames
    of each clip, [B]. y: class of each clip [B], or of each frame [N]."""

    x: Tensor
    lengths: Tensor
    y: Tensor
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many decisions: each has one loss."""
        return len(self.y)

    def to(self, device: torch.device) -> FrameBatch:
        """The same batch on a device."""
        return FrameBatch(self.x.to(device), self.lengths.to(device), self.y.to(device))


def batch_of(data: Framed, rows: Sequence[int]) -> FrameBatch:
    """These clips as one batch."""
    return FrameBatch(
        torch.from_numpy(np.concatenate([data.values(row) for row in rows])),
        torch.from_numpy(data.lengths[list(rows)]),
        torch.from_numpy(np.concatenate([data.target(row) for row in rows])),
    )


class FrameBatches:
    """Batches of clips of about equal lengths, shuffled anew each epoch: a function of seed and
    number."""

    def __init__(self, data: Framed, batch_size: int, seed: int) -> None:
        self._data = data
        self.order = Bucketed(data.lengths, batch_size, seed)
        self.per_epoch = self.order.per_epoch

    def batch(self, number: int) -> FrameBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return batch_of(self._data, self.order.rows(number))


def class_counts(data: Framed) -> np.ndarray:
    """How many clips, or frames, have each class, int64 [K]."""
    return np.bincount(data.targets, minlength=len(data.preprocessor.classes))
