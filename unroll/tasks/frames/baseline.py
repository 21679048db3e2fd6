"""The baselines of a run: the most frequent class, and the class with the nearest mean.

R records, D numbers, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.tasks.baseline import FILE, check_shares, load_baseline, pack_baseline
from unroll.tasks.frames.dataset import ClipDataset
from unroll.training.folder import damaged_baseline

SMALLEST = 1e-6


class NearestCentroid:
    """Predicts the class with the nearest mean, each number in units of its own deviation.

        d_k = mean_j ((x_j - m_kj) / s_j)^2        predicted: the class with the smallest d_k

    m_k is the mean of class k; s is the deviation of the records from the means of their classes.

    When to use it: as a baseline beside a network.

    Source: R. Tibshirani et al., Diagnosis of multiple cancer types by shrunken centroids of gene
    expression, 2002 (https://doi.org/10.1073/pnas.082099299), without the shrinking.

    Attributes:
        means: of the classes, [K, D]; infinite for a class without records.
        deviation: [D].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.frames.baseline import NearestCentroid
        >>> x = np.array([[0.0], [1.0], [8.0], [9.0]])
        >>> NearestCentroid.learn(x, np.array([0, 0, 1, 1]), 2)(np.array([[2.0], [7.0]])).tolist()
        [0, 1]
    """

    def __init__(self, means: np.ndarray, deviation: np.ndarray) -> None:
        self.means, self.deviation = means, deviation

    @classmethod
    def learn(cls, x: np.ndarray, targets: np.ndarray, classes: int) -> NearestCentroid:
        """The classifier of these records.

        Args:
            x: records [R, D].
            targets: their classes, [R].
            classes: K; a class without records is never predicted.
        """
        x = x.astype(np.float64)
        counts = np.bincount(targets, minlength=classes)
        means = np.zeros((classes, x.shape[1]))
        np.add.at(means, targets, x)
        means /= np.maximum(1, counts)[:, None]
        deviation = np.sqrt(((x - means[targets]) ** 2).mean(0))
        deviation[deviation < SMALLEST] = max(SMALLEST, float(deviation.mean()))
        means[counts == 0] = np.inf
        return cls(means, deviation)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The predicted classes, int64 [R], of records [R, D]."""
        scaled, means = x / self.deviation, self.means / self.deviation
        distances = [((scaled - mean) ** 2).mean(1) for mean in means]
        return np.stack(distances, 1).argmin(1)


@dataclass(frozen=True)
class FramesBaselines:
    """The fitted baselines, and which clips they were fitted to.

    Attributes:
        shares: of the classes in the training set, [K].
        centroid: predicts from thumbnails.
        train_hashes: the content hashes of the training clips, each once.
    """

    shares: np.ndarray
    centroid: NearestCentroid
    train_hashes: np.ndarray

    @classmethod
    def fit(cls, train: ClipDataset) -> FramesBaselines:
        """The baselines of a training set."""
        counts, classes = train.class_counts(), len(train.preprocessor.classes)
        return cls(
            counts / counts.sum(),
            NearestCentroid.learn(train.thumbnails(), train.targets, classes),
            np.unique(np.asarray(train.content_hashes, dtype=np.int64)),
        )

    @classmethod
    def load(cls, path: Path, classes: int) -> FramesBaselines:
        """The baselines of a run folder.

        Args:
            path: the run folder.
            classes: K.

        Raises:
            UserError: where their file is damaged.
        """
        shapes = {
            "share": (classes,),
            "means": (classes, None),
            "deviation": (None,),
            "train": (None,),
        }
        arrays = load_baseline(path, shapes)
        check_shares(path, arrays["share"])
        if arrays["means"].shape[1:] != arrays["deviation"].shape:
            raise damaged_baseline(
                f"{path / FILE} holds a deviation of other numbers than the means"
            )
        centroid = NearestCentroid(arrays["means"], arrays["deviation"])
        return cls(arrays["share"], centroid, arrays["train"])

    def files(self) -> dict[str, bytes]:
        """The file of the run folder that holds them."""
        return pack_baseline(
            {
                "share": self.shares,
                "means": self.centroid.means,
                "deviation": self.centroid.deviation,
                "train": self.train_hashes,
            }
        )
