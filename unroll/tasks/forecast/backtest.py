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
    SeriesErrors,
    advantage,
    median_ratio,
    point_errors,
    quantile_errors,
    series_mae,
)
from unroll.tasks.forecast.network import ForecastNetwork
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows, WindowBatch

ROWS = 512  # windows that are read at once
LISTED = 100  # anomalies in the metrics
FLOOR = "simple model"  # its name among the baselines


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
    """Metrics of a backtest, beside those of the simple model and of naive forecasts.

    Attributes:
        forecasts: how many origins were forecast from.
        values: how many known values were compared.
        horizon: steps of each forecast.
        season: steps of a season.
        target: the column that was forecast.
        baselines: errors of each naive method, and of the simple model, which needs no network.
        advantage: how much better the model is than each of them; of several series in MASE.
        anomalies_found: how many values lie outside the band of the forecast one step before.
        anomalies: the farthest 100 of them, the farthest first.
        seen: how many forecasts are of steps in the training set or the validation set.
        mae_of_steps: the mean absolute error of each step of the horizon, where it is longer than 1.
        series: errors of each series, where there are several.
        series_won: how many series are forecast better than by every naive method.
        new_series: how many series are not in the training set, where there are several.
        messages: what was filled, joined and skipped, of a table that is not the run's own.
        groups: the same for each series with a known value, by its name; only where its column is named.
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
    series: NotRequired[dict[str, SeriesErrors]]
    series_won: NotRequired[int]
    new_series: NotRequired[int]
    messages: NotRequired[list[str]]
    groups: NotRequired[dict[str, ForecastMetrics]]


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
    others = simple_forecasts(windows, origins)
    # errors of large series count no more than those of small ones
    scale = windows.naive_error[series]
    unit = np.where(scale > 0, scale, 1.0) if len(table.series) > 1 else None
    naive = series_mae(others["naive"], truth, series)

    def errors(forecast: np.ndarray) -> PointErrors:
        found = point_errors(forecast, truth, scale)
        if len(table.series) > 1:
            own = series_mae(forecast, truth, series)
            found["median_mase"] = median_ratio(own, windows.naive_error[np.unique(series)])
            found["median_relative_mae"] = median_ratio(own, naive)
        return found

    outside = find_anomalies(windows, origins, quantiles, truth)
    metrics: ForecastMetrics = {
        **errors(median),
        **quantile_errors(quantiles, truth, settings.levels),
        "forecasts": len(origins),
        "values": int((~np.isnan(truth)).sum()),
        "horizon": settings.horizon,
        "season": preprocessor.season,
        "target": preprocessor.target,
        "baselines": {name: errors(one) for name, one in others.items()},
        "advantage": {name: advantage(median, one, truth, unit) for name, one in others.items()},
        "anomalies_found": len(outside),
        "anomalies": outside[:LISTED],
    }
    until = np.array([preprocessor.until.get(one.name, -np.inf) for one in table.series])
    if seen := int((windows.times[origins + 1] <= until[series]).sum()):
        metrics["seen"] = seen
    if settings.horizon > 1:
        metrics["mae_of_steps"] = errors_of_steps(median, truth)
    if len(table.series) > 1:
        metrics |= errors_of_series(windows, origins, quantiles, truth, others, settings.levels)
    return metrics


def simple_forecasts(windows: ForecastWindows, origins: np.ndarray) -> dict[str, np.ndarray]:
    """The forecasts that the model is compared with [N, K], in the target's own unit, by name."""
    series = windows.series_of[origins]
    since = origins - windows.starts[series] + windows.earlier[series]
    forecasts = naive_forecasts(
        windows.filled, origins, windows.first_values[series], since, windows.horizon,
        windows.preprocessor.season,
    )  # fmt: skip
    if windows.preprocessor.floor is not None:
        forecasts[FLOOR] = windows.unscaled(windows.base(origins).values, origins)
    return forecasts


class ErrorsOfSeries(TypedDict):
    """Errors of several series.

    Attributes:
        series: errors of each.
        series_won: how many of them are forecast better than by every naive method.
        new_series: how many are not in the training set.
    """

    series: dict[str, SeriesErrors]
    series_won: int
    new_series: int


def errors_of_series(
    windows: ForecastWindows,
    origins: np.ndarray,
    quantiles: np.ndarray,
    truth: np.ndarray,
    others: dict[str, np.ndarray],
    levels: tuple[float, ...],
) -> ErrorsOfSeries:
    """The errors of each series.

    Args:
        windows: the series.
        origins: [N].
        quantiles: forecasts [N, K, Q].
        truth: [N, K], NaN where unknown.
        others: forecasts of the simple methods [N, K].
        levels: the quantiles' [Q].
    """
    table, of = windows.table, windows.series_of[origins]
    median = quantiles[..., levels.index(0.5)]
    errors, won = dict[str, SeriesErrors](), 0
    for k in np.unique(of):
        rows = np.flatnonzero(of == k)
        if np.isnan(truth[rows]).all():
            continue
        scale = windows.naive_error[of[rows]]
        own = point_errors(median[rows], truth[rows], scale)
        naive = {
            name: point_errors(one[rows], truth[rows], scale)["mae"]
            for name, one in others.items()
            if name != FLOOR
        }
        won += own["mae"] < min(naive.values())
        errors[table.series[k].name] = {
            **own,
            "relative_mae": own["mae"] / naive["naive"] if naive["naive"] > 0 else None,
            "coverage": quantile_errors(quantiles[rows], truth[rows], levels)["coverage"],
        }
    new = sum(one.name not in windows.preprocessor.scales for one in table.series)
    return {"series": errors, "series_won": won, "new_series": new}


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
