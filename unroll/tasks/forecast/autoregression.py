"""Ridge autoregression: each step ahead as a linear function of recent changes and known inputs.

B origins, K horizon, P features, F inputs known ahead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unroll.tasks.forecast.series_history import SeriesHistory

OTHERS = 8  # last steps of other inputs that are read
CONSTANT = 1e-9  # the penalty of the constant, which keeps the sums regular
PENALTIES = tuple(10.0**k for k in range(-4, 4))  # per window


class Features(NamedTuple):
    """What a forecast is a linear function of.

    Attributes:
        past: at the origin, for each step ahead [B, P].
        ahead: what is known of each step ahead [B, K, F].
    """

    past: np.ndarray
    ahead: np.ndarray

    def of_step(self, step: int) -> np.ndarray:
        """The features of one step ahead, with a constant [B, P + F + 1]."""
        return np.concatenate([self.past, self.ahead[:, step], np.ones((len(self.past), 1))], 1)


def features_of(windows: SeriesHistory, origins: np.ndarray) -> Features:
    """The changes of the target over the history, the last ones of other inputs, and levels.

    Args:
        windows: the series.
        origins: [B].
    """
    x, future = windows.inputs(origins)
    level, known, turns = windows.level_count, future.shape[2], windows.turn_count
    columns = x.shape[2] - known
    past = [x[:, :, level], x[:, -1, :level]]
    for last in (
        x[:, -OTHERS:, level + 1 : columns],
        x[:, -OTHERS:, columns : columns + known - turns],
    ):
        past.append(last.reshape(len(x), last.shape[1] * last.shape[2]))
    return Features(np.concatenate(past, 1), future)


def feature_count(history: int, inputs: int, levels: int, known: int, turns: int) -> int:
    """How many weights a step ahead has.

    Args:
        history: T, steps that are read.
        inputs: I, per step.
        levels: how many of them are levels.
        known: F, how many are known ahead.
        turns: how many of those are of the calendar.
    """
    changes = inputs - levels - known
    others = min(OTHERS, history) * (changes - 1 + known - turns)
    return history + levels + others + known + 1


def fit_ridge(
    features: Features, targets: np.ndarray, penalties: tuple[float, ...]
) -> list[np.ndarray]:
    """For each penalty the weights of the features for each step ahead [K, P + F + 1].

        W_k = argmin |y_k - X_k W_k|^2 + n penalty |W_k|^2, the constant without penalty

    Args:
        features: of n windows; of none all weights are zero.
        targets: y [n, K].
        penalties: per window.
    """
    from scipy.linalg import solve

    rows: list[list[np.ndarray]] = [[] for _ in penalties]
    for step in range(targets.shape[1]):
        x = features.of_step(step)
        square, product = x.T @ x, x.T @ targets[:, step]
        for own, penalty in zip(rows, penalties, strict=True):
            sizes = np.full(len(square), penalty)
            sizes[-1] = CONSTANT
            regular = square + max(1, len(x)) * np.diag(sizes)
            own.append(solve(regular, product, assume_a="pos"))
    return [np.array(own) for own in rows]


def apply_ridge(weights: np.ndarray, features: Features) -> np.ndarray:
    """The forecasts of the features [B, K]. weights: [K, P + F + 1]."""
    known = features.ahead.shape[2]
    past = weights.shape[1] - known - 1
    ahead = np.einsum("bkf,kf->bk", features.ahead, weights[:, past:-1])
    forecasts: np.ndarray = features.past @ weights[:, :past].T + ahead + weights[:, -1]
    return forecasts
