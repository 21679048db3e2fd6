"""Ridge regression of classes on features: closed form, penalty chosen by leaving rows out.

R rows, P features, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from unroll.data.split import evenly_spread
from unroll.layers.ridge import Ridge

FEW_ROWS = 2000  # up to which all penalties come from one decomposition
MOST_FEATURES = 6000  # of many rows; of more, only few rows are read
PENALTIES, FEW_PENALTIES = np.logspace(-1, 6, 15), (10.0, 100.0, 1000.0, 10_000.0)
NAMES = ("mean", "deviation", "weights", "bias")


@dataclass(frozen=True)
class RidgeClassifier:
    """Ridge regression of the classes on standardised features.

        scores = ((features - mean) / deviation) W + b      to 1 for the class, -1 for any other

    When to use it: as the classifier of features that are not trained, many of them beside few rows. The
    scores are no logarithms of probabilities; what they are multiplied by to become such is fitted on
    other data (`unroll.models.log_linear`).

    Attributes:
        mean: of each feature, float32 [P].
        deviation: of each feature, float32 [P].
        weights: W, float32 [P, K].
        bias: b, float32 [K].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.ridge_classifier import RidgeClassifier
        >>> X = np.array([[0.0], [1.0], [8.0], [9.0]])
        >>> classifier = RidgeClassifier.fit(X, np.array([0, 0, 1, 1]), 2)
        >>> classifier.scores(np.array([[2.0], [7.0]])).argmax(1).tolist()
        [0, 1]
    """

    mean: np.ndarray
    deviation: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, targets: np.ndarray, classes: int) -> RidgeClassifier:
        """Fit the regression; its penalty is chosen.

        Where the products of all features [P, P] would take too long, an even sample of the rows is read.

        Args:
            X: features [R, P].
            targets: classes [R], or bool [R, K] where a row may have several.
            classes: K.
        """
        if X.shape[1] > MOST_FEATURES and len(X) > FEW_ROWS:
            rows = evenly_spread(len(X), FEW_ROWS)
            X, targets = X[rows], targets[rows]
        mean, deviation = X.mean(0).astype(np.float32), X.std(0)
        deviation = np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)
        true = targets if targets.ndim == 2 else targets[:, None] == np.arange(classes)
        weights, bias = solve_ridge((X - mean) / deviation, np.where(true, 1.0, -1.0))
        return cls(mean, deviation, weights, bias)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """The scores, float64 [R, K], of features [R, P]."""
        # in double precision, so that scores do not depend on the other rows
        z = (X.astype(np.float64) - self.mean) / self.deviation
        scores: np.ndarray = z @ self.weights.astype(np.float64)
        return scores + self.bias

    def arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` takes."""
        return dict(vars(self))

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], features: int, classes: int
    ) -> RidgeClassifier:
        """From the arrays of a file; others beside them are not read.

        Args:
            arrays: as `arrays` returned them.
            features: P, which they have to have.
            classes: K, which they have to have.

        Raises:
            ValueError: where they are not those of such a classifier.
        """
        P, K = features, classes
        for name, shape in zip(NAMES, ((P,), (P,), (P, K), (K,)), strict=True):
            array = arrays.get(name)
            if array is None or array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"expected {name} of the shape {shape}")
            if not np.isfinite(array).all():
                raise ValueError(f"expected finite {name}")
        if not (arrays["deviation"] > 0).all():
            raise ValueError("expected deviations above 0")
        return cls(*(arrays[name] for name in NAMES))


def solve_ridge(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32 [P, K] and bias [K] of a ridge regression, whose penalty is chosen.

    Few rows are each left out once, in closed form; of many, every fifth is left out.

    Args:
        X: features, standardised, [R, P].
        Y: targets, [R, K].
    """
    if len(X) <= FEW_ROWS:
        from sklearn.linear_model import RidgeCV

        ridge = RidgeCV(PENALTIES).fit(X, Y)
        weights = np.asarray(ridge.coef_, dtype=np.float32).reshape(Y.shape[1], -1).T
        bias = np.asarray(ridge.intercept_, dtype=np.float32).reshape(Y.shape[1])
        return np.ascontiguousarray(weights), bias
    states, targets = torch.from_numpy(X), torch.from_numpy(Y)
    is_left_out = torch.arange(len(X)) % 5 == 0
    sums = Ridge()
    sums.add(states[~is_left_out], targets[~is_left_out])

    def error(penalty: float) -> float:
        found = sums.solve(penalty)(states[is_left_out])
        return float(((found - targets[is_left_out]) ** 2).mean())

    with torch.no_grad():
        penalty = min(FEW_PENALTIES, key=error)
        sums.add(states[is_left_out], targets[is_left_out])
        readout = sums.solve(penalty).float()
    weights, bias = (p.detach().numpy() for p in (readout.weight, readout.bias))
    return np.ascontiguousarray(weights.T), bias
