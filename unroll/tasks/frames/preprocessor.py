"""The preprocessor: clips to what the network reads, labels to classes, and back.

T time, C channels, H height, W width, F numbers per frame, K classes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.data.class_labels import ClassNumbers
from unroll.errors import UserError
from unroll.tasks.frames.clips import Clip, ClipReader
from unroll.tasks.frames.scale import NumberScale

FILE = "classes.json"


@dataclass(frozen=True)
class FramesPreprocessor:
    """Makes the input of the network of clips, and classes of labels.

    Attributes:
        classes: K labels, in order.
        per_frame: whether each frame has a label.
        reading: reads clips.
        scaler: scales numbers; None for pictures.
        columns: numbers in a row of a wide table; None where clips are files.
        number: of each label; 1.0 is the label 1.
    """

    classes: list[str]
    per_frame: bool
    reading: ClipReader
    scaler: NumberScale | None = None
    columns: int | None = None
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
        """The clip of a row of a wide table, [T * F]."""
        return self.reading.read_rows(values.reshape(-1, self.reading.shape[0]))

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
        return {FILE: text.encode("utf-8", "surrogatepass")}

    @classmethod
    def load(cls, folder: Path) -> FramesPreprocessor:
        """The preprocessor of a run folder.

        Raises:
            UserError: where its file is missing.
        """
        path = folder / FILE
        if not path.exists():
            raise UserError(f"{folder} has no file {FILE}; expected a run of the task frames.")
        record = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        scaler, reading = record.pop("scaler", None), record.pop("reading")
        reading["shape"] = tuple(reading["shape"])
        return cls(
            **record,
            reading=ClipReader(**reading),
            scaler=None if scaler is None else NumberScale(**scaler),
        )
