"""The simple model that the network of clips is combined with: closed forms on small frames.

T time, N frames of all clips, F columns, O offsets, K classes, R records: clips, or frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unroll.data.split import evenly_spread
from unroll.models.random_convolutions import ConvolutionClassifier, solve_ridge
from unroll.saved_files import Damaged, is_listed
from unroll.tasks.frames.thumbnails import make_thumbnails
from unroll.training.checkpoint import pack, read_tensors

FILE = "floor.safetensors"
OFFSETS = (-8, -4, -2, -1, 0, 1, 2, 4, 8)  # frames around a frame whose class is asked for
MOST_FRAMES = 10_000  # that a classifier of frames is fitted on
PIXEL_DEVIATION = 64.0  # pixels are divided by it, as for the network
FEW_SECONDS = 10.0  # a budget of at most so many takes fewer convolutions
FEWER_FEATURES = 1500


@dataclass(frozen=True)
class FrameClassifier:
    """Ridge regression of the classes on the columns of a frame and of frames around it.

        scores_t = ([x_(t-8) .. x_t .. x_(t+8)] - mean) / deviation W + b

    Frames before the first and after the last one are those.

    Attributes:
        mean: of each feature [O F].
        deviation: of each feature [O F].
        weights: W [O F, K].
        bias: b [K].
    """

    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(
        cls, items: np.ndarray, lengths: np.ndarray, targets: np.ndarray, classes: int
    ) -> FrameClassifier:
        """Fit the regression; of more than 10,000 frames on an even sample.

        Args:
            items: the frames of all clips, end to end, [N, F].
            lengths: frames of each clip.
            targets: the class of each frame [N].
            classes: K.
        """
        rows = evenly_spread(len(items), MOST_FRAMES)
        X = items[around(lengths)[rows]].reshape(len(rows), -1)
        mean, deviation = X.mean(0), X.std(0)
        deviation = np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)
        Y = np.where(targets[rows, None] == np.arange(classes), 1.0, -1.0)
        weights, bias = solve_ridge((X - mean) / deviation, Y)
        return cls(mean, deviation, weights.astype(np.float32), bias.astype(np.float32))

    def scores(self, items: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores of each frame, float64 [N, K]."""
        X = items[around(lengths)].reshape(len(items), -1)
        return ((X - self.mean) / self.deviation @ self.weights + self.bias).astype(np.float64)

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        return dict(vars(self))

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], columns: int, classes: int
    ) -> FrameClassifier:
        """From the arrays of a file.

        Args:
            arrays: as `arrays` returned them.
            columns: F, which they have to have.
            classes: K, which they have to have.

        Raises:
            ValueError: where they are not those of such a classifier.
        """
        P = len(OFFSETS) * columns
        shapes = {"mean": (P,), "deviation": (P,), "weights": (P, classes), "bias": (classes,)}
        for name, shape in shapes.items():
            array = arrays.get(name)
            whole = array is not None and array.shape == shape and array.dtype == np.float32
            if array is None or not whole or not np.isfinite(array).all():
                raise ValueError(f"expected finite {name} of the shape {shape}")
        if not (arrays["deviation"] > 0).all():
            raise ValueError("expected deviations above 0")
        return cls(*(arrays[name] for name in shapes))


def around(lengths: np.ndarray) -> np.ndarray:
    """The places of the frames around each frame, within its clip, int64 [N, O]."""
    starts = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)[:, None]
    last = starts + np.repeat(lengths, lengths)[:, None] - 1
    places: np.ndarray = np.arange(int(lengths.sum()))[:, None] + np.array(OFFSETS)
    return places.clip(starts, last)


@dataclass(frozen=True)
class FramesFloor:
    """Random convolutions over the frames of a clip and ridge regression, or ridge on single frames.

    When to use it: where a clip has few clips beside it to learn from; it is fitted in seconds. Frames
    of pictures are read at 8 x 8 pixels, numbers as the network reads them.

    Attributes:
        middle: the mean of each column, which is subtracted [F].
        unit: what columns are divided by then.
        classifier: of whole clips, or of frames.
    """

    middle: np.ndarray
    unit: float
    classifier: ConvolutionClassifier | FrameClassifier

    @classmethod
    def fit(
        cls,
        columns: np.ndarray,
        lengths: np.ndarray,
        targets: np.ndarray,
        classes: int,
        *,
        are_pictures: bool,
        seed: int = 1,
        seconds: float | None = None,
    ) -> FramesFloor:
        """Fit the classifier to a training set.

        Args:
            columns: of the frames of all clips, end to end, [N, F].
            lengths: frames of each clip.
            targets: the class of each clip, or of each frame [N].
            classes: K.
            are_pictures: whether columns are pixels from 0 to 255.
            seed: of the convolutions.
            seconds: the budget of the run; a small one takes fewer convolutions. None: no limit.
        """
        unit, middle = PIXEL_DEVIATION if are_pictures else 1.0, columns.mean(0).astype(np.float32)
        items = (columns - middle) / np.float32(unit)
        if len(targets) != len(lengths):
            return cls(middle, unit, FrameClassifier.fit(items, lengths, targets, classes))
        features = FEWER_FEATURES if seconds is not None and seconds <= FEW_SECONDS else None
        clips = ConvolutionClassifier.fit(items, lengths, targets, classes, seed, features)
        return cls(middle, unit, clips)

    def scores(self, columns: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores of the classes of each clip, or of each frame, float64 [R, K].

        Args:
            columns: of the frames of all clips, end to end, [N, F].
            lengths: frames of each clip.
        """
        items = (columns - self.middle) / np.float32(self.unit)
        return self.classifier.scores(items, lengths)

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        arrays = {"middle": self.middle, **self.classifier.arrays()}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        return {FILE: pack(tensors)}

    @classmethod
    def load(
        cls, folder: Path, shape: tuple[int, ...], classes: int, per_frame: bool
    ) -> FramesFloor | None:
        """What a run folder holds; None where the run was trained without.

        Args:
            folder: the run folder.
            shape: of a frame as the network reads it.
            classes: K.
            per_frame: whether each frame has a label.

        Raises:
            Damaged: where the file is damaged.
        """
        if not is_listed(folder, FILE):
            return None
        arrays = {name: t.numpy() for name, t in read_tensors(folder, FILE).items()}
        pictures, middle = len(shape) == 3, arrays.pop("middle", np.zeros(0))
        F = len(make_thumbnails(np.zeros((1, *shape), dtype=np.uint8))[0]) if pictures else shape[0]
        kind = FrameClassifier if per_frame else ConvolutionClassifier
        try:
            if middle.shape != (F,) or middle.dtype != np.float32 or not np.isfinite(middle).all():
                raise ValueError(f"expected the means of {F} columns")
            classifier = kind.from_arrays(arrays, F, classes)
        except ValueError as error:
            raise Damaged(f"{folder / FILE} is damaged: {error}") from error
        return cls(middle, PIXEL_DEVIATION if pictures else 1.0, classifier)


def clip_columns(values: np.ndarray) -> np.ndarray:
    """The same of one clip: of pictures uint8 [T, C, H, W] or of numbers, as the network reads them."""
    return make_thumbnails(values).astype(np.float32)
