"""Forecasts without learning, which every other has to beat: naive, seasonal naive, drift."""

from __future__ import annotations

import numpy as np


def naive_forecasts(
    values: np.ndarray,
    origins: np.ndarray,
    first: np.ndarray,
    since: np.ndarray,
    horizon: int,
    season: int,
) -> dict[str, np.ndarray]:
    """Of each origin the next `horizon` values, [N, K], three ways.

        naive           y_{t+k} = y_t                                   persistence
        seasonal naive  y_{t+k} = y_{t+k-m ceil(k/m)}                   m steps a season; where m > 1
        drift           y_{t+k} = y_t + k (y_t - y_s) / (t - s)         from the series' first value

    Source: R. Hyndman and G. Athanasopoulos, Forecasting: principles and practice, 3rd edition,
    section 5.2 (https://otexts.com/fpp3/simple-methods.html).

    values: [T], without gaps. origins: places in it [N]. first: the first value of the series of
    each, which lies `since` steps before.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.forecast.baselines import naive_forecasts
        >>> values, at = np.array([1.0, 5, 2, 6, 4]), np.array([4])
        >>> found = naive_forecasts(values, at, values[:1], at, 3, 2)
        >>> {name: one[0].tolist() for name, one in found.items()}
        {'naive': [4.0, 4.0, 4.0], 'seasonal naive': [6.0, 4.0, 6.0], 'drift': [4.75, 5.5, 6.25]}
    """
    ahead = np.arange(1, horizon + 1)
    last = values[origins][:, None]
    slope = (values[origins] - first) / np.maximum(since, 1)
    found = {"naive": np.repeat(last, horizon, 1)}
    if season > 1:
        back = ahead - season * -(-ahead // season)
        found["seasonal naive"] = values[origins[:, None] + back]
    found["drift"] = last + slope[:, None] * ahead
    return found
