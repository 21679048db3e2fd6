"""The simple model that the network of clips is combined with: closed forms on small frames.

T time, N frames of all clips, F columns, O offsets, K classes, R records: clips, or frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.data.split import evenly_spread
from unroll.models.random_convolutions import ConvolutionClassifier
from unroll.models.ridge_classifier import RidgeClassifier
from unroll.saved_files import Damaged, is_listed
from unroll.tasks.frames.thumbnails import make_thumbnails
from unroll.training.checkpoint import pack_arrays, read_arrays

FILE = "floor.safetensors"
OFFSETS = (-8, -4, -2, -1, 0, 1, 2, 4, 8)  # frames around a frame whose class is asked for
MOST_FRAMES = 10_000  # that a classifier of frames is fitted on
PIXEL_DEVIATION = 64.0  # pixels are divided by it, as for the network
FEW_SECONDS = 10.0  # a budget of at most so many takes fewer convolutions
FEWER_FEATURES = 1500
CHUNK = 4096  # frames that are scored at once


def around(lengths: np.ndarray) -> np.ndarray:
    """The places of the frames around each frame, within its clip, int64 [N, O].

    Frames before the first and after the last one of the clip are those.
    """
    starts = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)[:, None]
    last = starts + np.repeat(lengths, lengths)[:, None] - 1
    places: np.ndarray = np.arange(int(lengths.sum()))[:, None] + np.array(OFFSETS)
    return places.clip(starts, last)


@dataclass(frozen=True)
class FramesFloor:
    """Random convolutions over the frames of a clip and ridge regression, or ridge on single frames.

    When to use it: where the training set has few clips; it is fitted in seconds. Frames of pictures are
    read at 8 x 8 pixels, numbers as the network reads them.

    Attributes:
        middle: the mean of each column, which is subtracted [F].
        unit: what columns are divided by then.
        classifier: of whole clips, or of frames.
    """

    middle: np.ndarray
    unit: float
    classifier: ConvolutionClassifier | RidgeClassifier

    @classmethod
    def fit(
        cls,
        columns: np.ndarray,
        lengths: np.ndarray,
        targets: np.ndarray,
        classes: int,
        *,
        per_frame: bool,
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
            per_frame: whether each frame has a class.
            are_pictures: whether columns are pixels from 0 to 255.
            seed: of the convolutions.
            seconds: the budget of the run; a small one takes fewer convolutions. None: no limit.
        """
        unit, middle = PIXEL_DEVIATION if are_pictures else 1.0, columns.mean(0).astype(np.float32)
        items = (columns - middle) / np.float32(unit)
        if per_frame:
            rows = evenly_spread(len(items), MOST_FRAMES)
            X = items[around(lengths)[rows]].reshape(len(rows), -1)
            return cls(middle, unit, RidgeClassifier.fit(X, targets[rows], classes))
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
        if isinstance(self.classifier, RidgeClassifier):
            places = around(lengths)
            scores = np.zeros((len(places), len(self.classifier.bias)))
            for begin in range(0, len(places), CHUNK):
                some = items[places[begin : begin + CHUNK]]
                scores[begin : begin + CHUNK] = self.classifier.scores(some.reshape(len(some), -1))
            return scores
        return self.classifier.scores(items, lengths)

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        return {FILE: pack_arrays({"middle": self.middle, **self.classifier.arrays()})}

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
        arrays = read_arrays(folder, FILE)
        pictures, middle = len(shape) == 3, arrays.pop("middle", np.zeros(0))
        F = len(make_thumbnails(np.zeros((1, *shape), dtype=np.uint8))[0]) if pictures else shape[0]
        try:
            if middle.shape != (F,) or middle.dtype != np.float32 or not np.isfinite(middle).all():
                raise ValueError(f"expected the means of {F} columns")
            classifier = (
                RidgeClassifier.from_arrays(arrays, len(OFFSETS) * F, classes)
                if per_frame
                else ConvolutionClassifier.from_arrays(arrays, F, classes)
            )
        except ValueError as error:
            raise Damaged(f"{folder / FILE} is damaged: {error}") from error
        return cls(middle, PIXEL_DEVIATION if pictures else 1.0, classifier)


def clip_columns(values: np.ndarray) -> np.ndarray:
    """What the simple model reads of one clip, float32 [T, F].

    Args:
        values: pictures uint8 [T, C, H, W], or numbers, as the network reads them.
    """
    return make_thumbnails(values).astype(np.float32)
