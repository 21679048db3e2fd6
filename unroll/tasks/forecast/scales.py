"""The scale of each series, and which columns are read as ratios or by their changes alone.

T time, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DICKEY_FULLER = -2.86  # with a constant, the statistic of one random walk in 20 lies below it


@dataclass(frozen=True)
class Scale:
    """The scale of one series, measured on its training set alone.

    Each list has a number for each column, after the logarithm where the column has one.

    Attributes:
        mean: the mean of values.
        deviation: their standard deviation.
        change: the root mean square of changes from step to step.
        naive_error: the mean absolute error of the seasonal naive forecast of the target, in its
            own unit (for MASE).
    """

    mean: list[float]
    deviation: list[float]
    change: list[float]
    naive_error: float


def measure_scale(
    values: np.ndarray, is_number: list[bool], target: np.ndarray, season: int
) -> Scale:
    """Measure the scale of a series.

    Args:
        values: [T, C], with logarithms taken.
        is_number: which columns hold numbers; columns of words have mean 0 and deviation 1.
        target: the target in its own unit [T].
        season: steps of a season.
    """
    means, deviations, changes = [], [], []
    for k, numbers in enumerate(is_number):
        column = values[:, k]
        known = column[~np.isnan(column)] if numbers else np.zeros(0)
        steps = np.diff(column)
        steps = steps[~np.isnan(steps)] if numbers else np.zeros(0)
        deviation = float(known.std()) if len(known) else 0.0
        change = root_mean_square(steps) if len(steps) else 0.0
        tiny = 1e-9 * (float(np.abs(known).max()) if len(known) else 0.0)
        deviation = deviation if deviation > tiny else 1.0
        means.append(float(known.mean()) if len(known) else 0.0)
        deviations.append(deviation)
        changes.append(change if change > tiny else deviation)
    errors = target[season:] - target[:-season] if len(target) > season else np.zeros(0)
    errors = np.abs(errors[~np.isnan(errors)])
    return Scale(means, deviations, changes, float(errors.mean()) if len(errors) else 0.0)


def take_logs(values: np.ndarray, logs: Sequence[bool]) -> np.ndarray:
    """Values [T, C] with the logarithm taken in the columns that `logs` marks."""
    logged = values.copy()
    for k in np.flatnonzero(logs):
        logged[:, k] = np.log(
            values[:, k], where=values[:, k] > 0, out=np.full(len(values), np.nan)
        )
    return logged


def ratios_fit_better(columns: list[np.ndarray]) -> bool:
    """Whether ratios of neighbouring values are closer to normal than their differences.

    Compares the log-likelihoods of normal changes, both in the unit of values: -n log(rms) of
    differences, and of ratios the same less the sum of log y (Box and Cox, 1964).

    Args:
        columns: positive values of each series.
    """
    gain = 0.0
    for column in columns:
        known = column[~np.isnan(column)]
        if len(known) < 3:
            continue
        logs = np.log(known)
        differences, ratios = root_mean_square(np.diff(known)), root_mean_square(np.diff(logs))
        if differences > 0 and ratios > 0:
            gain += (len(known) - 1) * (np.log(differences) - np.log(ratios)) - logs[1:].sum()
    return bool(gain > 0)


def reverts_to_mean(columns: list[np.ndarray]) -> bool:
    """Whether at least half of these series return to a mean, by the Dickey-Fuller test (1979).

    The test takes the t statistic of b in y_t - y_{t-1} = a + b y_{t-1}.
    """
    votes = []
    for column in columns:
        before, step = column[:-1], np.diff(column)
        both = ~np.isnan(step)
        x, y = before[both], step[both]
        if len(x) < 8 or np.ptp(x) == 0:
            continue
        x = x - x.mean()
        b = float(x @ y / (x @ x))
        rest = y - y.mean() - b * x
        error = np.sqrt(rest @ rest / (len(x) - 2) / (x @ x))
        votes.append(bool(b < DICKEY_FULLER * error))
    return bool(votes) and sum(votes) * 2 >= len(votes)


def root_mean_square(values: np.ndarray) -> float:
    """sqrt(mean of squares)."""
    return float(np.sqrt(np.mean(values**2)))
