"""The simple model of a forecaster: a mean of smoothing, ridge regression and naive forecasts.

B origins, K horizon, N steps of a window, C candidates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from unroll.tasks.forecast.autoregression import apply_ridge, features_of
from unroll.tasks.forecast.series_history import SeriesHistory
from unroll.tasks.forecast.smoothing import SmoothingForm, Trend, smoothing_weights

RECENT = 16  # last errors that tell how far values scatter now
WIDER = 1.5  # beginnings of series are read in windows whose lengths differ by this factor
PARTS = ("last", "season", "smoothing", "ridge")  # candidates, each a forecast by itself
LONG_SEASON = 60  # steps; longer seasons are left to the regression and the seasonal naive forecast
SEASONS_READ, STEPS_READ = (5, 12), (48, 100)  # what smoothing reads, with and without a season
LEAST_ERROR = 0.1  # of the usual errors, below which recent ones are not counted


@dataclass(frozen=True)
class Smoothing:
    """Exponential smoothing with its parameters.

    Attributes:
        trend: as of `SmoothingForm`.
        season: as of `SmoothingForm`.
        correlated: as of `SmoothingForm`.
        parameters: alpha, beta, gamma, phi, rho.
        steps: how many values it reads, where there are so many.
        error: its mean absolute error one step ahead, of the scaled series.
    """

    trend: Trend
    season: int
    correlated: bool
    parameters: tuple[float, ...]
    steps: int
    error: float

    @property
    def form(self) -> SmoothingForm:
        """What it is made of."""
        return SmoothingForm(self.trend, self.season, self.correlated)


@dataclass(frozen=True)
class SeriesFloor:
    """The simple model of one series.

    Attributes:
        smoothing: the best forms of smoothing, the best first; they are one part, their mean.
        parts: the forecasts whose mean the model is: among last, season, smoothing, ridge.
    """

    smoothing: tuple[Smoothing, ...]
    parts: tuple[str, ...]


class FloorForecasts(NamedTuple):
    """Forecasts of a simple model.

    Attributes:
        values: scaled [B, K].
        recent: how large its last errors were, as a multiple of the usual ones [B].
    """

    values: np.ndarray
    recent: np.ndarray


@dataclass(frozen=True)
class ForecastFloor:
    """The simple models of all series.

    Attributes:
        series: by name.
        usual: for series that are not in the training set.
        relative_to: what the ridge regression is relative to: last or season, or mean.
        ridge: its weights for each step ahead, of all series [K][P].
        penalty: of the ridge regression, per window.
        fitted: up to so many series have parameters of smoothing of their own; of more, so many are
            fitted to for parameters that all share.
        sizes_bands: whether each series has bands of its own size; of before shared one.
    """

    series: dict[str, SeriesFloor]
    usual: SeriesFloor
    relative_to: str
    ridge: list[list[float]]
    penalty: float
    fitted: int
    sizes_bands: bool = True

    def of(self, name: str) -> SeriesFloor:
        """The simple model of a series."""
        return self.series.get(name, self.usual)

    def forecast(self, windows: SeriesHistory, origins: np.ndarray) -> FloorForecasts:
        """The forecasts after origins [B] of windows."""
        models = [self.of(name) for name in windows.names]
        different = list(dict.fromkeys(models))
        model_of = np.array([different.index(one) for one in models])[windows.series_of[origins]]
        values = np.zeros((len(origins), windows.horizon))
        recent = np.ones(len(origins))
        for k in np.unique(model_of):
            one, rows = different[k], np.flatnonzero(model_of == k)
            smoothed = [by_smoothing(windows, origins[rows], each) for each in one.smoothing]
            parts = naive_parts(windows, origins[rows])
            parts["smoothing"] = np.mean([each.values for each in smoothed], 0)
            if "ridge" in one.parts:
                parts["ridge"] = self.by_ridge(windows, origins[rows])
            values[rows] = np.mean([parts[name] for name in one.parts], 0)
            recent[rows] = smoothed[0].recent
        return FloorForecasts(values, recent)

    def by_ridge(self, windows: SeriesHistory, origins: np.ndarray) -> np.ndarray:
        """The forecasts of the ridge regression [B, K]."""
        changes = apply_ridge(np.array(self.ridge), features_of(windows, origins))
        base = windows.naive_base(origins, self.relative_to)
        forecasts: np.ndarray = base + changes * windows.usual_change(origins)[:, None]
        return forecasts

    def packed(self) -> bytes:
        """What the file of a run folder holds."""
        return json.dumps(asdict(self)).encode()


def by_smoothing(windows: SeriesHistory, origins: np.ndarray, one: Smoothing) -> FloorForecasts:
    """The forecasts of smoothing after origins [B]."""
    values = np.zeros((len(origins), windows.horizon))
    recent = np.ones(len(origins))
    for steps, rows in window_lengths(windows, origins, one.steps):
        weights = smoothing_weights(
            one.form, np.array(one.parameters), steps, windows.horizon, RECENT
        )
        past = values_before(windows, origins[rows], steps)
        values[rows] = past @ weights.forecast.T
        recent[rows] = np.abs(past @ weights.errors.T).mean(1)
    usual = max(one.error, 1e-12)
    return FloorForecasts(values, np.maximum(recent / usual, LEAST_ERROR))


def naive_parts(windows: SeriesHistory, origins: np.ndarray) -> dict[str, np.ndarray]:
    """The last value, and the last season with the drift of the history, by name [B, K]."""
    parts = {"last": windows.naive_base(origins, "last")}
    season = windows.season_steps
    if season > 1:
        past = values_before(windows, origins, windows.first + 1)
        rise = past[:, -season:].mean(1) - past[:, :season].mean(1)
        drift = rise / max(1, past.shape[1] - season)
        back = season * -(-np.arange(1, windows.horizon + 1) // season)
        parts["season"] = windows.naive_base(origins, "season") + drift[:, None] * back
    return parts


def values_before(windows: SeriesHistory, origins: np.ndarray, steps: int) -> np.ndarray:
    """The scaled target up to origins [B], the last so many steps, without gaps [B, N]."""
    values: np.ndarray = windows.forward_filled[origins[:, None] + np.arange(1 - steps, 1), 0]
    return values


def window_lengths(
    windows: SeriesHistory, origins: np.ndarray, most: int
) -> Iterator[tuple[int, np.ndarray]]:
    """How many steps are read before origins [B]: pairs of a length and the places of its origins.

    Near the beginning of a series fewer than `most` can be read; there are only a few such lengths.
    """
    there = np.minimum(origins - windows.starts[windows.series_of[origins]] + 1, most)
    lengths = [min(windows.first + 1, most)]
    while lengths[-1] < most:
        lengths.append(min(most, int(lengths[-1] * WIDER) + 1))
    at = np.searchsorted(lengths, there, side="right") - 1
    for place in np.unique(at):
        yield lengths[place], np.flatnonzero(at == place)


def steps_read(first: int, season: int) -> tuple[int, ...]:
    """How many values smoothing may read, rising. first: what a network reads."""
    lengths = [n * season for n in SEASONS_READ] if 1 < season <= LONG_SEASON else STEPS_READ
    return (first + 1, *(n for n in lengths if n > first + 1))
