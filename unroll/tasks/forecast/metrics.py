"""How far forecasts were from what came: point errors, quantile loss, coverage.

N origins, K horizon, Q quantiles.
"""

from __future__ import annotations

import math
from typing import NotRequired, TypedDict

import numpy as np

BAND = 2.0  # standard errors that a difference has to pass to be more than chance


class PointErrors(TypedDict):
    """Errors of forecasts of one value each.

    Attributes:
        mae: mean absolute error, in the unit of the target.
        rmse: root of the mean squared error, in the unit of the target.
        mase: mean absolute error over that of the seasonal naive forecast in training; None where
            that one makes no error.
        smape: symmetric mean absolute percentage error.
        mape: mean absolute percentage error; None where a true value is 0.
        median_mase: the median of the series' own mase, where there are several series.
        median_relative_mae: the median of the series' own mae over that of the naive forecast, where
            there are several series.
    """

    mae: float
    rmse: float
    mase: float | None
    smape: float
    mape: float | None
    median_mase: NotRequired[float | None]
    median_relative_mae: NotRequired[float | None]


class SeriesErrors(PointErrors):
    """Errors of forecasts of one series among several.

    Attributes:
        relative_mae: mae over that of the naive forecast; None where that one makes no error.
        coverage: the share of values in the band.
    """

    relative_mae: float | None
    coverage: float


class QuantileErrors(TypedDict):
    """Errors of forecasts as quantiles.

    Attributes:
        quantile_loss: mean over values and quantiles, in the unit of the target.
        coverage: the share of values in the band between the outermost quantiles.
        expected_coverage: the share that the band promises.
    """

    quantile_loss: float
    coverage: float
    expected_coverage: float


class Advantage(TypedDict):
    """How much better a model is than a baseline.

    Attributes:
        share: how much smaller its mean absolute error is, as a share of the baseline's.
        noise: the share below which this may be chance; None where there are too few forecasts.
    """

    share: float
    noise: float | None


def point_errors(forecast: np.ndarray, truth: np.ndarray, naive_error: np.ndarray) -> PointErrors:
    """Errors of forecasts where the truth is known.

        mae    mean |y - f|                 rmse   sqrt(mean (y - f)^2)
        mase   mean |y - f| / q             q: the series' `naive_error`
        smape  mean 200 |y - f| / (|y| + |f|), in percent; 0 where both are 0
        mape   mean 100 |y - f| / |y|, in percent; None where a truth is 0

    Source: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, 2006.

    Args:
        forecast: f [N, K].
        truth: y [N, K], NaN where unknown.
        naive_error: the mean absolute error of the seasonal naive forecast in training, of the
            series of each origin [N].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.forecast.metrics import point_errors
        >>> found = point_errors(np.array([[2.0], [6.0]]), np.array([[4.0], [5.0]]), np.ones(2))
        >>> {name: round(value, 3) for name, value in found.items()}
        {'mae': 1.5, 'rmse': 1.581, 'mase': 1.5, 'smape': 42.424, 'mape': 35.0}
    """
    known = ~np.isnan(truth)
    f, y = forecast[known], truth[known]
    q = np.broadcast_to(naive_error[:, None], truth.shape)[known]
    error, size = np.abs(y - f), np.abs(y) + np.abs(f)
    relative = np.divide(200 * error, size, out=np.zeros_like(error), where=size > 0)
    return {
        "mae": float(error.mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mase": float((error[q > 0] / q[q > 0]).mean()) if (q > 0).any() else None,
        "smape": float(relative.mean()),
        "mape": float((100 * error / np.abs(y)).mean()) if (y != 0).all() else None,
    }


def quantile_errors(
    quantiles: np.ndarray, truth: np.ndarray, levels: tuple[float, ...]
) -> QuantileErrors:
    """The quantile loss, and the coverage of the band between the outermost quantiles.

    The loss is the mean of 2 max(q (y - f), (q - 1) (y - f)) over values and quantiles; for the
    median it is the absolute error.

    Args:
        quantiles: f [N, K, Q].
        truth: y [N, K], NaN where unknown.
        levels: q [Q], rising.
    """
    known = ~np.isnan(truth)
    f, y = quantiles[known], truth[known][:, None]
    level, error = np.array(levels), y - f
    inside = (f[:, 0] <= y[:, 0]) & (y[:, 0] <= f[:, -1])
    return {
        "quantile_loss": float(2 * np.mean(np.maximum(level * error, (level - 1) * error))),
        "coverage": float(inside.mean()),
        "expected_coverage": levels[-1] - levels[0],
    }


def series_mae(forecast: np.ndarray, truth: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The mean absolute error of each series that has origins [S]; NaN where no truth is known.

    Args:
        forecast: f [N, K].
        truth: y [N, K], NaN where unknown.
        series: the number of the series of each origin [N].
    """
    _, places = np.unique(series, return_inverse=True)
    known = ~np.isnan(truth)
    error = np.where(known, np.abs(forecast - truth), 0).sum(1)
    sums, counts = (np.bincount(places, each) for each in (error, known.sum(1)))
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def median_ratio(errors: np.ndarray, others: np.ndarray) -> float | None:
    """The median of the ratios of errors [S], where both are known and the other is not 0."""
    both = ~np.isnan(errors) & (others > 0)
    return float(np.median(errors[both] / others[both])) if both.any() else None


def advantage(
    ours: np.ndarray, other: np.ndarray, truth: np.ndarray, unit: np.ndarray | None = None
) -> Advantage:
    """How much smaller the mean absolute error of `ours` is than that of `other`.

    The noise is two standard errors of the difference, over means of blocks of neighbouring
    origins, whose errors are alike.

    Args:
        ours: forecasts [N, K].
        other: forecasts of a baseline [N, K].
        truth: [N, K], NaN where unknown.
        unit: of the errors of each origin, above 0 [N]. Default: 1.
    """
    known = ~np.isnan(truth).any(1)
    size = np.ones(len(truth)) if unit is None else unit
    a, b = (np.abs(f[known] - truth[known]).mean(1) / size[known] for f in (ours, other))
    if not len(a) or b.mean() == 0:
        return {"share": 0.0, "noise": None}
    share = float(1 - a.mean() / b.mean())
    means = block_means(b - a, truth.shape[1])
    if len(means) < 2:
        return {"share": share, "noise": None}
    error = float(means.std(ddof=1)) / math.sqrt(len(means))
    return {"share": share, "noise": BAND * error / float(b.mean())}


def block_means(values: np.ndarray, horizon: int) -> np.ndarray:
    """Means of blocks of neighbouring windows, whose forecasts have steps in common [blocks].

    Args:
        values: of each window [N].
        horizon: K, steps of each forecast.
    """
    size = max(horizon, round(len(values) ** (1 / 3)))
    blocks = len(values) // size
    means: np.ndarray = values[: blocks * size].reshape(blocks, size).mean(1)
    return means
