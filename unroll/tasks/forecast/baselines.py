"""Forecasts without learning, which every model has to beat: naive, seasonal naive, drift."""

from __future__ import annotations

import numpy as np

from unroll.tasks.forecast.windows import seasonal_places


def naive_forecasts(
    values: np.ndarray,
    origins: np.ndarray,
    first: np.ndarray,
    since: np.ndarray,
    horizon: int,
    season: int,
) -> dict[str, np.ndarray]:
    """The next values after each origin, by each naive method.

        naive           y_{t+k} = y_t                             persistence
        seasonal naive  y_{t+k} = y_{t+k-m ceil(k/m)}             m steps per season; where m > 1
        drift           y_{t+k} = y_t + k (y_t - y_s) / (t - s)   y_s: the first value of the series

    Source: R. Hyndman and G. Athanasopoulos, Forecasting: principles and practice, 3rd edition,
    section 5.2 (https://otexts.com/fpp3/simple-methods.html).

    Args:
        values: series one after another, without gaps [T].
        origins: places of the last known values [N].
        first: the first value of the series of each origin [N].
        since: steps from that value to the origin [N].
        horizon: K, steps to forecast.
        season: m, steps of a season.

    Returns:
        Forecasts [N, K] by the name of the method.

    Examples:
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
    forecasts = {"naive": np.repeat(last, horizon, 1)}
    if season > 1:
        forecasts["seasonal naive"] = values[seasonal_places(origins, horizon, season)]
    forecasts["drift"] = last + slope[:, None] * ahead
    return forecasts
