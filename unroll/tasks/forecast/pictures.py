"""What a forecaster shows of its test set: forecasts beside what came, and errors by step and series.

N origins, K horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.tasks.base import Progress, Trained
from unroll.tasks.forecast.backtest import (
    FLOOR,
    errors_of_steps,
    forecast_quantiles,
    simple_forecasts,
)
from unroll.tasks.forecast.metrics import quantile_errors, series_mae
from unroll.tasks.forecast.network import ForecastNetwork
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.reader import ForecastData
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows
from unroll.tasks.pictures import Forecasts, SeriesForecast, TaskPicture

SHOWN = 4  # series
STEPS = 56  # of forecasts that are shown of a series, about
HISTORY = 56  # steps before them
OWN = "this run"


def shown_forecasts(
    trained: Trained[ForecastSettings, ForecastPreprocessor, ForecastNetwork],
    data: ForecastData,
    progress: Progress,
) -> Iterator[TaskPicture]:
    """Forecasts of the test set: of one series its end, of several the best, the middle and the worst.

    Args:
        trained: the model.
        data: with the simple model of the training set.
        progress: called with the share that is done.
    """
    settings = trained.settings
    windows, origins = data.window_sets(settings).test
    quantiles = forecast_quantiles(trained.model, windows, origins, trained.device, progress)
    median = quantiles[..., settings.levels.index(0.5)]
    truth = windows.values[origins[:, None] + np.arange(1, settings.horizon + 1)]
    others = simple_forecasts(windows, origins)
    naive = {name: one for name, one in others.items() if name != FLOOR}
    best = min(naive, key=lambda name: mean_scaled_error(naive[name], truth, windows, origins))
    methods = {OWN: median, best: naive[best]}
    if FLOOR in others:
        methods[FLOOR] = others[FLOOR]
    errors = {
        name: [np.nan if e is None else e for e in errors_of_steps(one, truth)]
        for name, one in methods.items()
    }
    relative = relative_errors(windows, origins, truth, median, naive[best])
    of = windows.series_of[origins]
    yield Forecasts(
        target=windows.preprocessor.target,
        band=settings.levels[-1] - settings.levels[0],
        covered=float(quantile_errors(quantiles, truth, settings.levels)["coverage"] or 0.0),
        series=[
            series_forecast(windows, origins[of == k], quantiles[of == k], settings)
            for k in chosen_series(windows, of, relative)
        ],
        errors=errors,
        relative=relative if len(windows.table.series) > 1 else {},
        forecasts=len(origins),
    )


def mean_scaled_error(
    forecast: np.ndarray, truth: np.ndarray, windows: ForecastWindows, origins: np.ndarray
) -> float:
    """The mean absolute error in units of each series' usual error, so that all count alike."""
    scale = windows.naive_error[windows.series_of[origins]][:, None]
    return float(np.nanmean(np.abs(forecast - truth) / np.where(scale > 0, scale, 1.0)))


def relative_errors(
    windows: ForecastWindows,
    origins: np.ndarray,
    truth: np.ndarray,
    own: np.ndarray,
    naive: np.ndarray,
) -> dict[str, float]:
    """The error of the run divided by that of a naive forecast, of each series with a known value."""
    series = windows.series_of[origins]
    names = [windows.table.series[k].name for k in np.unique(series)]
    pairs = zip(
        names, series_mae(own, truth, series), series_mae(naive, truth, series), strict=True
    )
    return {name: float(a / b) for name, a, b in pairs if np.isfinite(a) and b > 0}


def chosen_series(
    windows: ForecastWindows, of: np.ndarray, relative: dict[str, float]
) -> list[int]:
    """The numbers of the series to show: from the one forecast best to the one forecast worst."""
    numbers = [int(k) for k in np.unique(of)]
    if len(numbers) <= SHOWN:
        return numbers
    name = {k: windows.table.series[k].name for k in numbers}
    ranked = sorted(numbers, key=lambda k: relative.get(name[k], np.inf))
    return [ranked[round(k * (len(ranked) - 1) / (SHOWN - 1))] for k in range(SHOWN)]


def series_forecast(
    windows: ForecastWindows,
    origins: np.ndarray,
    quantiles: np.ndarray,
    settings: ForecastSettings,
) -> SeriesForecast:
    """The last forecasts of one series that follow each other, with the values before them.

    Args:
        windows: of all series.
        origins: of this series, in order, [N].
        quantiles: of its forecasts, [N, K, Q].
        settings: horizon and quantiles.
    """
    K, middle = settings.horizon, settings.levels.index(0.5)
    count = max(1, STEPS // K)
    wanted = [int(origins[-1]) - K * n for n in range(count - 1, -1, -1)]
    place = {int(origin): row for row, origin in enumerate(origins)}
    rows = [place[origin] for origin in wanted if origin in place]
    first, last = int(origins[rows[0]]), int(origins[rows[-1]])
    begin = max(int(windows.starts[windows.series_of[first]]), first + 1 - HISTORY)
    own = quantiles[rows].reshape(len(rows) * K, -1)
    name = windows.table.series[int(windows.series_of[first])].name
    return SeriesForecast(
        name=name,
        times=[windows.format_time(at) for at in range(begin, last + 1 + K)],
        history=windows.values[begin : first + 1].tolist(),
        actual=windows.values[first + 1 : last + 1 + K].tolist(),
        middle=own[:, middle].tolist(),
        low=own[:, 0].tolist(),
        high=own[:, -1].tolist(),
        steps=K,
    )
