"""The simple model of a run whose texts come from a small closed set: which text a recording has.

R recordings, K texts, P statistics, L landmarks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.saved_files import (
    STRICT,
    are_unique,
    is_listed,
    read_record,
    refuse_unless,
)
from unroll.training.checkpoint import pack_arrays, read_arrays

TEXTS, ARRAYS = "floor.json", "floor.safetensors"
CHOICES = ("gamma", "penalty", "sharpness", "copies", "parts")
SEGMENTS = 8  # of a recording, whose statistics are taken
Parts = Literal["means", "all"]
NAMES = ("mean", "deviation", "landmarks", "coefficients", "intercept")


@dataclass
class TextFloorRecord:
    """What the file of texts holds; the attributes are those of `ClosedTextModel`.

    Attributes:
        texts: K of them.
        gamma: of the kernel.
        penalty: of the regression.
        sharpness: of the probabilities.
        copies: of each recording.
        parts: the statistics that are read.
    """

    __pydantic_config__ = STRICT

    texts: Annotated[list[str], Field(min_length=2, max_length=100_000)]
    gamma: Annotated[float, Field(gt=0)]
    penalty: Annotated[float, Field(gt=0)]
    sharpness: Annotated[float, Field(gt=0)]
    copies: Annotated[int, Field(ge=0)] = 0
    parts: Parts = "all"


@dataclass(frozen=True)
class ClosedTextModel:
    """Ridge regression with a Gaussian kernel from statistics of a recording to its text.

    When to use it: for spoken digits, commands and the like, where every text is said often.

        z = (x - mean) / deviation
        score_k = sum_l exp(-gamma |z - landmark_l|^2) coefficient_{l,k} + intercept_k

    Landmarks are some of the training recordings (Nystroem's approximation). A score is near 1 for the
    right text and near -1 for the others. Probabilities are softmax(sharpness * score).

    Attributes:
        texts: K of them.
        mean: of each statistic, [P].
        deviation: of each statistic, [P].
        landmarks: scaled statistics, [L, P].
        coefficients: [L, K].
        intercept: [K].
        gamma: of the kernel.
        penalty: of the squared coefficients, by which the model was fitted.
        sharpness: fitted on recordings that were left out, whole speakers where they are known.
        copies: changed copies of each recording that it was fitted to, beside the recording.
        parts: the statistics that it reads, as for `chosen_statistics`.

    Source: C. Williams, M. Seeger, Using the Nystroem method to speed up kernel machines, 2000.
    """

    texts: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray
    landmarks: np.ndarray
    coefficients: np.ndarray
    intercept: np.ndarray
    gamma: float
    penalty: float
    sharpness: float
    copies: int = 0
    parts: Parts = "all"

    def scores(self, statistics: np.ndarray) -> np.ndarray:
        """Scores [R, K] of the texts, float64, from all statistics of R recordings."""
        x = chosen_statistics(np.asarray(statistics, dtype=np.float64), self.parts)
        z = (x - self.mean) / self.deviation
        kernel = gaussian_kernel(z, self.landmarks.astype(np.float64), self.gamma)
        found: np.ndarray = kernel @ self.coefficients + self.intercept
        return found

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        record = {"texts": self.texts, **{name: getattr(self, name) for name in CHOICES}}
        text = json.dumps(record, ensure_ascii=False, indent=0)
        arrays = {name: getattr(self, name) for name in NAMES}
        return {TEXTS: text.encode("utf-8", "surrogatepass"), ARRAYS: pack_arrays(arrays)}

    @classmethod
    def load(cls, folder: Path) -> ClosedTextModel | None:
        """The model of a run folder; None where the run has none.

        Raises:
            Damaged: where its files are.
        """
        if not is_listed(folder, TEXTS):
            return None
        record = read_record(folder, TEXTS, TextFloorRecord)
        path = folder / ARRAYS
        refuse_unless(are_unique(record.texts), folder / TEXTS, "texts, each once")
        arrays = read_arrays(folder, ARRAYS)
        refuse_unless(set(arrays) == set(NAMES), path, "the arrays of a simple model")
        mean, deviation, landmarks, coefficients, intercept = (arrays[name] for name in NAMES)
        K, numbers = len(record.texts), all(a.dtype.kind == "f" for a in arrays.values())
        refuse_unless(
            numbers
            and landmarks.ndim == 2
            and mean.shape == deviation.shape == landmarks.shape[1:],
            path,
            "statistics of one size",
        )
        fits = coefficients.shape == (len(landmarks), K) and intercept.shape == (K,)
        refuse_unless(fits, path, f"a score for each of {K:,} texts")
        finite = all(bool(np.isfinite(a).all()) for a in arrays.values())
        refuse_unless(finite and bool((deviation > 0).all()), path, "finite numbers")
        return cls(
            tuple(record.texts),
            mean,
            deviation,
            landmarks,
            coefficients,
            intercept,
            *(getattr(record, name) for name in CHOICES),
        )


def chosen_statistics(statistics: np.ndarray, parts: Parts) -> np.ndarray:
    """The statistics that a model reads, of those that `segment_statistics` returns.

    Args:
        statistics: of R recordings, [R, 3 K C + 1] with K segments of C features.
        parts: "all", or "means": those of the segments, and the length; [R, K C + 1].
    """
    if parts == "all":
        return statistics
    each = statistics[:, :-1].reshape(len(statistics), SEGMENTS, 3, -1)
    return np.concatenate([each[:, :, 0].reshape(len(each), -1), statistics[:, -1:]], 1)


def gaussian_kernel(x: np.ndarray, z: np.ndarray, gamma: float) -> np.ndarray:
    """exp(-gamma |x - z|^2) of each row of x [N, P] with each row of z [L, P], [N, L]."""
    distances = (x**2).sum(1)[:, None] + (z**2).sum(1) - 2 * x @ z.T
    found: np.ndarray = np.exp(-gamma * np.maximum(distances, 0))
    return found
