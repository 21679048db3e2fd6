"""Fit the simple model of a forecaster, and choose among its parts on windows not fitted to.

S series, B origins, K horizon.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from unroll.data.split import evenly_spread
from unroll.tasks.forecast.autoregression import PENALTIES, features_of, fit_ridge
from unroll.tasks.forecast.floor import (
    LONG_SEASON,
    PARTS,
    ForecastFloor,
    SeriesFloor,
    Smoothing,
    by_smoothing,
    naive_parts,
    steps_read,
)
from unroll.tasks.forecast.smoothing import SmoothingForm, fit_smoothing, squared_errors
from unroll.tasks.forecast.windows import ForecastWindows

EARLIER = 0.6  # of the training set, which a first fit sees; the rest tells how well it forecasts
# series that smoothing is fitted to, and how many of them with how many seconds
FEWEST_FITTED, MOST_FITTED, SECONDS_EACH = 3, 24, 4.0
LONGEST = 1024  # last steps of a series that smoothing is fitted to
LEARNED = 20_000  # windows that the regression is fitted to
COMPARED = 2_000  # windows of each fit that candidates are compared on
AVERAGED = 3  # forms of smoothing whose mean is one part
FEW = 30  # windows, below which a series does not choose for itself


class FittedFloor(NamedTuple):
    """The simple model, and one fitted earlier, whose errors since then are those of new steps.

    Attributes:
        floor: fitted to the training set.
        earlier: of the same form, fitted to its beginning.
        cut: steps of each series that it is fitted to.
    """

    floor: ForecastFloor
    earlier: ForecastFloor
    cut: list[int]


@dataclass(frozen=True)
class Fit:
    """Everything that is fitted to the first steps of the series.

    Attributes:
        windows: the series.
        smoothing: each form's model of each series.
        ridge: the weights of the regression for each penalty [K, P].
        relative_to: what the regression is relative to.
        origins: of the windows that it is judged by.
        fitted: as of `ForecastFloor`.
    """

    windows: ForecastWindows
    smoothing: dict[SmoothingForm, list[Smoothing]]
    ridge: list[np.ndarray]
    relative_to: str
    origins: np.ndarray
    fitted: int

    def errors(self, forecasts: np.ndarray) -> np.ndarray:
        """The mean absolute error of each window, in usual changes [B]; NaN where nothing is known."""
        truth = self.windows.truths(self.origins)
        known = ~np.isnan(truth)
        sums = np.abs(np.where(known, forecasts - truth, 0)).sum(1)
        mean = np.where(known.any(1), sums / np.maximum(1, known.sum(1)), np.nan)
        found: np.ndarray = mean / self.windows.usual_change(self.origins)
        return found

    def alone(self) -> list[SeriesFloor]:
        """A model of each series that is nothing but smoothing."""
        first = next(iter(self.smoothing.values()))
        return [SeriesFloor((one,), ("smoothing",)) for one in first]

    def floor(self, chosen: list[SeriesFloor], penalty: int) -> ForecastFloor:
        """The simple model of so chosen parts."""
        names = self.windows.names
        series = dict(zip(names, chosen, strict=True))
        return ForecastFloor(
            series,
            most_common(chosen),
            self.relative_to,
            self.ridge[penalty].tolist(),
            PENALTIES[penalty],
            self.fitted,
        )


def series_fitted(seconds: float | None) -> int:
    """How many series smoothing is fitted to with a budget of so many seconds; None: no such budget."""
    if seconds is None:
        return MOST_FITTED
    return min(max(FEWEST_FITTED, int(seconds / SECONDS_EACH)), MOST_FITTED)


def fit_floor(
    windows: ForecastWindows,
    train: list[int],
    valid: list[int],
    relative_to: str,
    fitted: int = MOST_FITTED,
) -> FittedFloor:
    """Fit the simple model to the first steps of each series.

    The candidates are fitted twice, to the first 60 % of the training set and to all of it. The
    windows after each fit choose the form of smoothing, the penalty of the regression, and which
    forecasts the model is the mean of.

    Args:
        windows: the series, without a simple model.
        train: steps of each series in the training set.
        valid: steps of each series up to the end of the validation set.
        relative_to: what the regression is relative to: last, season or mean.
        fitted: as of `ForecastFloor`.
    """
    least = windows.first + windows.horizon + 1
    cut = [max(min(n, least), int(EARLIER * n)) for n in train]
    fits = [
        fit_candidates(windows, ends, until, relative_to, fitted)
        for ends, until in ((cut, train), (train, valid))
    ]
    fits = [fit for fit in fits if len(fit.origins)]
    penalty = choose_penalty(fits)
    chosen = choose_smoothing(fits)
    parts = choose_parts(fits, chosen, penalty)
    floors = []
    for fit, own in zip(fits, chosen, strict=True):
        series = [SeriesFloor(one, each) for one, each in zip(own, parts, strict=True)]
        floors.append(fit.floor(series, penalty))
    return FittedFloor(floors[-1], floors[0], cut)


def refit_floor(floor: ForecastFloor, windows: ForecastWindows, ends: list[int]) -> ForecastFloor:
    """The same simple model with the parameters fitted again, to the first steps of each series.

    Args:
        floor: what is kept: forms, penalty and parts.
        windows: the series, without a simple model.
        ends: how many steps of each series are learned from.
    """
    models = [floor.of(name) for name in windows.names]
    forms = list(dict.fromkeys(each.form for one in models for each in one.smoothing))
    again = {form: smoothing_models(windows, form, ends, floor.fitted) for form in forms}
    found = []
    for k, one in enumerate(models):
        smoothing = [replace(again[each.form][k], steps=each.steps) for each in one.smoothing]
        found.append(replace(one, smoothing=tuple(smoothing)))
    ridge = learn_ridge(windows, ends, floor.relative_to, (floor.penalty,))[0]
    series = dict(zip(windows.names, found, strict=True))
    return replace(
        floor,
        series=floor.series | series,
        usual=most_common(found),
        ridge=ridge.tolist(),
    )


def most_common(models: list[SeriesFloor]) -> SeriesFloor:
    """The model that most series have, of several the first."""
    return Counter(models).most_common(1)[0][0]


def fit_candidates(
    windows: ForecastWindows, ends: list[int], until: list[int], relative_to: str, fitted: int
) -> Fit:
    """Fit every candidate to the first `ends` steps; it is judged by the windows up to `until`."""
    season = windows.season_steps
    smoothing = {form: smoothing_models(windows, form, ends, fitted) for form in forms_of(season)}
    origins = windows.origins(begins=ends, ends=until)
    origins = origins[evenly_spread(len(origins), COMPARED)]
    ridge = learn_ridge(windows, ends, relative_to, PENALTIES)
    return Fit(windows, smoothing, ridge, relative_to, origins, fitted)


def forms_of(season: int) -> list[SmoothingForm]:
    """The forms of smoothing that are compared."""
    forms = []
    for m in dict.fromkeys((1, season if season <= LONG_SEASON else 1)):
        forms += [SmoothingForm(trend, m, False) for trend in ("none", "drift", "damped", "linear")]
        forms += [SmoothingForm(trend, m, True) for trend in ("none", "damped")]
    return forms


def smoothing_models(
    windows: ForecastWindows, form: SmoothingForm, ends: list[int], fitted: int
) -> list[Smoothing]:
    """Smoothing of the first steps of series, fitted to each or, where they are many, to all.

    Args:
        windows: the series.
        form: what it is made of.
        ends: how many steps of each series are fitted to.
        fitted: as of `ForecastFloor`.
    """
    shared = len(ends) > fitted
    some = list(evenly_spread(len(ends), fitted))
    sizes = np.array([min(LONGEST, ends[k]) for k in some])
    values = np.zeros((len(some), sizes.max()))
    for row, (k, size) in enumerate(zip(some, sizes, strict=True)):
        end = windows.starts[k] + ends[k]
        values[row, -size:] = windows.forward_filled[end - size : end, 0]
    starts = sizes.max() - sizes
    parameters = fit_smoothing(form, values, starts, shared)
    errors = np.sqrt(squared_errors(form, parameters, values, starts)) * np.sqrt(2 / np.pi)
    steps = steps_read(windows.first, windows.season_steps)[-1]
    models = [
        Smoothing(
            form.trend, form.season, form.correlated, tuple(map(float, own)), steps, float(error)
        )
        for own, error in zip(parameters, errors, strict=True)
    ]  # fmt: skip
    if shared:
        return [replace(models[0], error=float(np.median(errors)))] * len(ends)
    return models


def learn_ridge(
    windows: ForecastWindows, ends: list[int], relative_to: str, penalties: tuple[float, ...]
) -> list[np.ndarray]:
    """The weights of the regression for each penalty, fitted to the first steps of all series."""
    origins = windows.origins(ends=ends)
    truth = windows.truths(origins)
    origins = origins[~np.isnan(truth).any(1)]
    origins = origins[evenly_spread(len(origins), LEARNED)]
    base = windows.naive_base(origins, relative_to)
    changes = (windows.truths(origins) - base) / windows.usual_change(origins)[:, None]
    features = features_of(windows, origins)
    return fit_ridge(features, changes, penalties)


def choose_penalty(fits: list[Fit]) -> int:
    """The place of the best penalty among all."""
    totals = np.zeros(len(PENALTIES))
    for fit in fits:
        for k in range(len(PENALTIES)):
            floor = fit.floor(fit.alone(), k)
            totals[k] += np.nansum(fit.errors(floor.by_ridge(fit.windows, fit.origins)))
    return int(totals.argmin())


def choose_smoothing(fits: list[Fit]) -> list[list[tuple[Smoothing, ...]]]:
    """The best forms of smoothing of each series, as each fit has them."""
    windows = fits[0].windows
    series = len(windows.names)
    candidates = [
        (form, steps)
        for form in fits[0].smoothing
        for steps in steps_read(windows.first, windows.season_steps)
    ]
    totals = np.zeros((len(candidates), series))
    for fit in fits:
        of = windows.series_of[fit.origins]
        for place, (form, steps) in enumerate(candidates):
            models = fit.smoothing[form]
            for one in dict.fromkeys(models):
                rows = np.flatnonzero(np.isin(of, [k for k in range(series) if models[k] == one]))
                if not len(rows):
                    continue
                forecasts = np.zeros((len(of), windows.horizon))
                model = replace(one, steps=steps)
                forecasts[rows] = by_smoothing(windows, fit.origins[rows], model).values
                errors = np.nan_to_num(fit.errors(forecasts)[rows])
                np.add.at(totals[place], of[rows], errors)
    best = []
    for order in orders_of_series(totals, fits):
        forms: dict[SmoothingForm, int] = {}
        for place in order:
            forms.setdefault(*candidates[place])
        best.append(list(forms.items())[:AVERAGED])
    return [
        [
            tuple(replace(fit.smoothing[form][k], steps=steps) for form, steps in own)
            for k, own in enumerate(best)
        ]
        for fit in fits
    ]


def orders_of_series(totals: np.ndarray, fits: list[Fit]) -> list[list[int]]:
    """The candidates of each series, the one with the smallest error first.

    Args:
        totals: summed errors of candidates [C, S].
        fits: whose windows these are.
    """
    windows = fits[0].windows
    counts = np.zeros(totals.shape[1], np.int64)
    for fit in fits:
        counts += np.bincount(windows.series_of[fit.origins], minlength=len(counts))
    common = (totals / np.maximum(1, counts)).mean(1)
    return [
        np.argsort(totals[:, k] if count >= FEW else common, kind="stable").tolist()
        for k, count in enumerate(counts)
    ]


def choose_parts(
    fits: list[Fit], chosen: list[list[tuple[Smoothing, ...]]], penalty: int
) -> list[tuple[str, ...]]:
    """The forecasts of each series whose mean has the smallest error; smoothing where few windows tell."""
    windows = fits[0].windows
    if sum(len(fit.origins) for fit in fits) < FEW:
        return [("smoothing",)] * len(windows.names)
    names = [name for name in PARTS if name != "season" or windows.season_steps > 1]
    sets = [each for count in range(1, len(names) + 1) for each in combinations(names, count)]
    totals = np.zeros((len(sets), len(windows.names)))
    for fit, own in zip(fits, chosen, strict=True):
        floor = fit.floor([SeriesFloor(one, ("smoothing",)) for one in own], penalty)
        parts = naive_parts(windows, fit.origins)
        parts["smoothing"] = floor.forecast(windows, fit.origins).values
        parts["ridge"] = floor.by_ridge(windows, fit.origins)
        for place, each in enumerate(sets):
            errors = fit.errors(np.mean([parts[name] for name in each], 0))
            np.add.at(totals[place], windows.series_of[fit.origins], np.nan_to_num(errors))
    return [sets[order[0]] for order in orders_of_series(totals, fits)]
