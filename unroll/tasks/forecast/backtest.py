"""A backtest: forecasts from each step of series, compared with what came.

N origins, K horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NotRequired, TypedDict

import numpy as np
import torch

from unroll.errors import UserError
from unroll.tasks.base import Progress
from unroll.tasks.forecast.baselines import naive_forecasts
from unroll.tasks.forecast.metrics import (
    Advantage,
    PointErrors,
    QuantileErrors,
    advantage,
    point_errors,
    quantile_errors,
)
from unroll.tasks.forecast.network import ForecastNetwork
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows, WindowBatch

ROWS = 512  # windows that are read at once
LISTED = 100  # anomalies in the metrics


class Anomaly(TypedDict):
    """A value outside the band of the forecast one step before it.

    Attributes:
        series: its series, where there are several.
        time: when it came.
        value: what came.
        low: the lower end of the band.
        high: the upper end of the band.
    """

    series: NotRequired[str]
    time: str
    value: float
    low: float
    high: float


class ForecastMetrics(PointErrors, QuantileErrors):
    """Metrics of a backtest, beside those of naive forecasts.

    Attributes:
        forecasts: how many origins were forecast from.
        values: how many known values were compared.
        horizon: steps of each forecast.
        season: steps of a season.
        target: the column that was forecast.
        baselines: errors of each naive method.
        advantage: how much better the model is than each naive method.
        anomalies_found: how many values lie outside the band of the forecast one step before.
        anomalies: the farthest 100 of them, the farthest first.
        seen: how many forecasts are of steps in the training set or the validation set.
        mae_of_steps: the mean absolute error of each step of the horizon, where it is longer than 1.
        series: errors of each series, where there are several.
        new_series: how many series are not in the training set, where there are several.
        messages: what was filled, joined and skipped, of a table that is not the run's own.
    """

    forecasts: int
    values: int
    horizon: int
    season: int
    target: str
    baselines: dict[str, PointErrors]
    advantage: dict[str, Advantage]
    anomalies_found: int
    anomalies: list[Anomaly]
    seen: NotRequired[int]
    mae_of_steps: NotRequired[list[float | None]]
    series: NotRequired[dict[str, PointErrors]]
    new_series: NotRequired[int]
    messages: NotRequired[list[str]]


def backtest(
    network: ForecastNetwork,
    windows: ForecastWindows,
    origins: np.ndarray,
    settings: ForecastSettings,
    device: torch.device,
    progress: Progress | None = None,
) -> ForecastMetrics:
    """Compare forecasts from origins [N] with what came, beside naive forecasts.

    Raises:
        UserError: where no value after the origins is known.
    """
    table, preprocessor = windows.table, windows.preprocessor
    quantiles = forecast_quantiles(network, windows, origins, device, progress)
    median = quantiles[..., settings.levels.index(0.5)]
    truth = windows.values[origins[:, None] + np.arange(1, settings.horizon + 1)]
    if np.isnan(truth).all():
        raise UserError(f"{table.name} has no known value to compare a forecast with.")
    series = windows.series_of[origins]
    scale = windows.naive_error[series]
    since = origins - windows.starts[series] + windows.earlier[series]
    first = windows.first_values[series]
    naive = naive_forecasts(
        windows.filled, origins, first, since, settings.horizon, preprocessor.season
    )
    outside = find_anomalies(windows, origins, quantiles, truth)
    metrics: ForecastMetrics = {
        **point_errors(median, truth, scale),
        **quantile_errors(quantiles, truth, settings.levels),
        "forecasts": len(origins),
        "values": int((~np.isnan(truth)).sum()),
        "horizon": settings.horizon,
        "season": preprocessor.season,
        "target": preprocessor.target,
        "baselines": {name: point_errors(one, truth, scale) for name, one in naive.items()},
        "advantage": {name: advantage(median, one, truth) for name, one in naive.items()},
        "anomalies_found": len(outside),
        "anomalies": outside[:LISTED],
    }
    until = np.array([preprocessor.until.get(one.name, -np.inf) for one in table.series])
    if seen := int((windows.times[origins + 1] <= until[series]).sum()):
        metrics["seen"] = seen
    if settings.horizon > 1:
        metrics["mae_of_steps"] = errors_of_steps(median, truth)
    if len(table.series) > 1:
        metrics["series"] = {
            table.series[k].name: point_errors(
                median[series == k], truth[series == k], scale[series == k]
            )
            for k in np.unique(series)
            if not np.isnan(truth[series == k]).all()
        }
        metrics["new_series"] = sum(one.name not in preprocessor.scales for one in table.series)
    return metrics


def errors_of_steps(forecast: np.ndarray, truth: np.ndarray) -> list[float | None]:
    """The mean absolute error of each step of the horizon; None where no truth is known."""
    known = (~np.isnan(truth)).sum(0)
    sums = np.nansum(np.abs(forecast - truth), 0)
    return [float(s / n) if n else None for s, n in zip(sums, known, strict=True)]


def find_anomalies(
    windows: ForecastWindows, origins: np.ndarray, quantiles: np.ndarray, truth: np.ndarray
) -> list[Anomaly]:
    """Values outside the band that the forecast one step before them gave, the farthest first.

    Args:
        windows: the series.
        origins: [N].
        quantiles: forecasts [N, K, Q].
        truth: [N, K].
    """
    low, high, value = quantiles[:, 0, 0], quantiles[:, 0, -1], truth[:, 0]
    width = np.maximum(high - low, 1e-12)
    beyond = np.maximum(low - value, value - high) / width
    rows = np.flatnonzero(beyond > 0)
    table, found = windows.table, list[Anomaly]()
    for k in rows[np.argsort(-beyond[rows], kind="stable")]:
        anomaly: Anomaly = {
            "time": windows.format_time(origins[k] + 1),
            "value": float(value[k]),
            "low": float(low[k]),
            "high": float(high[k]),
        }
        if table.by:
            anomaly = {"series": table.series[windows.series_of[origins[k]]].name, **anomaly}
        found.append(anomaly)
    return found


@torch.no_grad()
def forecast_quantiles(
    network: ForecastNetwork,
    windows: ForecastWindows,
    origins: np.ndarray,
    device: torch.device,
    progress: Progress | None = None,
) -> np.ndarray:
    """Quantiles [N, K, Q] of the steps after each origin [N], in the target's own unit."""
    network.eval()
    parts = []
    for k, batch in enumerate(batches_in_order(windows, origins)):
        parts.append(network.quantiles(batch.to(device)).cpu().double().numpy().transpose(1, 0, 2))
        if progress is not None:
            progress(min(1.0, (k + 1) * ROWS / len(origins)))
    return windows.unscaled(np.concatenate(parts), origins)


def batches_in_order(windows: ForecastWindows, origins: np.ndarray) -> Iterator[WindowBatch]:
    """The windows of these origins in order, 512 at a time."""
    for at in range(0, len(origins), ROWS):
        yield windows.batch(origins[at : at + ROWS])
