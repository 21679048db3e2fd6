"""The preprocessor: clips to what the network reads, labels to classes, and back.

T time, C channels, H height, W width, F numbers per frame, K classes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from unroll.counting import counted
from unroll.data.class_labels import ClassNumbers
from unroll.saved_files import STRICT, are_unique, read_record, refuse_unless
from unroll.tasks.frames.clips import Clip, ClipReader
from unroll.tasks.frames.floor import FramesFloor
from unroll.tasks.frames.number_rows import split_frames
from unroll.tasks.frames.scale import NumberScale

FILE = "classes.json"
MOST_PIXELS = 10_000  # of a side of a picture
Positive = Annotated[int, Field(ge=1, lt=1 << 31)]


@dataclass
class ReadingRecord:
    """What the file holds of how clips are read; the attributes are those of `ClipReader`.

    Attributes:
        shape: of a frame.
        every: every n-th frame is read.
        longest: at most this many frames are read.
        strip: frames side by side in an image.
        left_out: columns of a table of frames that are not read, from 0.
    """

    __pydantic_config__ = STRICT

    shape: tuple[Positive, ...]
    every: Positive = 1
    longest: Positive = 400
    strip: Positive | None = None
    left_out: tuple[Annotated[int, Field(ge=0, lt=1 << 31)], ...] = ()


@dataclass
class NumberScaleRecord:
    """What the file holds of the scales of numbers; the attributes are those of `NumberScale`.

    Attributes:
        middle: medians of values and of changes.
        unit: their deviations.
    """

    __pydantic_config__ = STRICT

    middle: list[float]
    unit: list[float]


@dataclass
class FramesRecord:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        classes: the labels.
        per_frame: whether each frame has a label.
        reading: how clips are read.
        columns: numbers in a row of a wide table.
        scaler: the scales of numbers.
    """

    __pydantic_config__ = STRICT

    classes: list[str]
    per_frame: bool
    reading: ReadingRecord
    columns: Positive | None = None
    scaler: NumberScaleRecord | None = None


@dataclass(frozen=True)
class FramesPreprocessor:
    """Makes the input of the network of clips, and classes of labels.

    Attributes:
        classes: K labels, in order.
        per_frame: whether each frame has a label.
        reading: reads clips.
        scaler: scales numbers; None for pictures.
        columns: numbers in a row of a wide table; None where clips are files.
        floor: the simple model that the network is combined with; None where the network is alone.
        number: of each label; 1.0 is the label 1.
    """

    classes: list[str]
    per_frame: bool
    reading: ClipReader
    scaler: NumberScale | None = None
    columns: int | None = None
    floor: FramesFloor | None = None
    number: ClassNumbers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", ClassNumbers(self.classes))

    @property
    def inputs(self) -> tuple[int, ...]:
        """The shape of a frame as the network reads it: numbers and also their changes."""
        shape = self.reading.shape
        return shape if self.scaler is None else (2 * shape[0],)

    @property
    def unit(self) -> str:
        """What has a label, for people: frames or clips."""
        return "frames" if self.per_frame else "clips"

    @property
    def frame_description(self) -> str:
        """What a frame is, for people."""
        shape = self.reading.shape
        if len(shape) == 1:
            return f"{counted(shape[0], 'number')} per frame"
        return f"{shape[2]} x {shape[1]} pixels in {'colour' if shape[0] == 3 else 'grey'}"

    def encode(self, clip: Clip) -> np.ndarray:
        """What the network reads of a clip: uint8 [T, C, H, W], or float32 [T, 2F]."""
        return clip.values if self.scaler is None else self.scaler(clip.values)

    def split_row(self, values: np.ndarray) -> Clip:
        """The clip of a row of a wide table, [T * F].

        Raises:
            BadClip: where it ends within a frame.
        """
        return self.reading.read_rows(split_frames(values, self.reading.shape[0]))

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
        floor = {} if self.floor is None else self.floor.files()
        return {FILE: text.encode("utf-8", "surrogatepass"), **floor}

    @classmethod
    def load(cls, folder: Path) -> FramesPreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where its file is missing.
        """
        path = folder / FILE
        record = read_record(folder, FILE, FramesRecord)
        refuse_unless(record.classes and are_unique(record.classes), path, "classes, each once")
        reading = ClipReader(**vars(record.reading))
        numbers = len(reading.shape) == 1
        refuse_unless(numbers or len(reading.shape) == 3, path, "the shape of a frame")
        refuse_unless(numbers == (record.scaler is not None), path, "scales for numbers alone")
        if record.scaler is None:
            small = reading.shape[0] in (1, 3) and max(reading.shape) <= MOST_PIXELS
            refuse_unless(small, path, f"pictures of at most {MOST_PIXELS} pixels a side")
            floor = FramesFloor.load(folder, reading.shape, len(record.classes), record.per_frame)
            return cls(record.classes, record.per_frame, reading, None, record.columns, floor)
        sizes = {len(record.scaler.middle), len(record.scaler.unit)}
        fits = sizes == {2 * reading.shape[0]} and min(record.scaler.unit) > 0
        refuse_unless(fits, path, "a middle and a unit above 0 for each number and its change")
        scaler = NumberScale(**vars(record.scaler))
        whole = record.columns is None or record.columns % reading.shape[0] == 0
        refuse_unless(whole, path, "columns for whole frames")
        shape = (2 * reading.shape[0],)
        floor = FramesFloor.load(folder, shape, len(record.classes), record.per_frame)
        return cls(record.classes, record.per_frame, reading, scaler, record.columns, floor)
