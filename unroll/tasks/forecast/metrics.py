"""How far forecasts were from what came: point errors, quantile loss, coverage."""

from __future__ import annotations

import math

import numpy as np

BAND = 2.0  # standard errors that a difference has to pass to be more than chance


def point_errors(
    forecast: np.ndarray, truth: np.ndarray, naive_error: np.ndarray
) -> dict[str, float | None]:
    """mae, rmse, mase, smape and mape of forecasts [N, K] where the truth is no NaN.

        mae    mean |y - f|                 rmse   sqrt(mean (y - f)^2)
        mase   mean |y - f| / q             q: `naive_error` [N] of the series, the mean absolute
                                            error of the seasonal naive forecast in training
        smape  mean 200 |y - f| / (|y| + |f|), in percent; 0 where both are 0
        mape   mean 100 |y - f| / |y|, in percent; None where a truth is 0

    Source: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, 2006.

    Example:
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
) -> dict[str, float]:
    """quantile_loss, and the coverage of the band between the outermost quantiles [N, K, Q].

    quantile_loss: the mean of 2 max(q (y - f), (q - 1) (y - f)), also over the quantiles; for the
    middle one it is the absolute error. expected_coverage: what the band promises.
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


def advantage(ours: np.ndarray, other: np.ndarray, truth: np.ndarray) -> tuple[float, float | None]:
    """How much smaller the mean absolute error of `ours` [N, K] is than `other`'s, as a share of
    the latter, and the share below which it may be chance: BAND standard errors of the difference,
    over means of blocks of neighbouring origins, whose errors are alike; None: too few to tell."""
    known = ~np.isnan(truth).any(1)
    a, b = (np.abs(f[known] - truth[known]).mean(1) for f in (ours, other))
    if not len(a) or b.mean() == 0:
        return 0.0, None
    size = max(truth.shape[1], round(len(a) ** (1 / 3)))
    blocks = len(a) // size
    if blocks < 2:
        return float(1 - a.mean() / b.mean()), None
    means = (b - a)[: blocks * size].reshape(blocks, size).mean(1)
    error = float(means.std(ddof=1)) / math.sqrt(blocks)
    return float(1 - a.mean() / b.mean()), BAND * error / float(b.mean())
