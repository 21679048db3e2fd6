"""Series split in time: the training set, the validation set, and the test set after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.series import Series, SeriesTable
from unroll.tasks.forecast.settings import ForecastSettings

FEW = 3  # forecasts more than one, of a set that would have none


@dataclass(frozen=True)
class TimeSplit:
    """Where the sets of each series end, and how much a forecast reads.

    Attributes:
        train: steps of each series up to the end of the training set.
        valid: steps of each series up to the end of the validation set.
        season: steps of a season.
        history: steps that a forecast reads.
    """

    train: list[int]
    valid: list[int]
    season: int
    history: int


def split_in_time(table: SeriesTable, settings: ForecastSettings) -> TimeSplit:
    """Split all series at the same times.

    The training set has 70 % of all different times, the validation set 10 %, the test set the
    rest; with a table of its own as the test set they have 90 % and the rest. A set that is too
    short for one horizon takes as many steps as a few forecasts need from the set before it.
    """
    times = np.unique(np.concatenate([one.times[: len(one)] for one in table.series]))
    first, second = (len(times) * n // 10 for n in ((7, 8) if settings.valid is None else (9, 10)))
    if settings.valid is None and len(times) - second < settings.horizon:
        second = max(1, len(times) - settings.horizon - FEW)
    if second - first < settings.horizon:
        first = max(1, second - settings.horizon - FEW)
    ends = []
    for place in (first, second):
        limit = times[place] if place < len(times) else np.inf
        ends.append([int(np.searchsorted(one.times[: len(one)], limit)) for one in table.series])
    train, valid = ends
    season = settings.season or table.step.season
    history = settings.history or default_history(train, season, settings.horizon)
    return TimeSplit(train, valid, season, history)


def default_history(train: list[int], season: int, horizon: int) -> int:
    """Two seasons, two horizons, at least 32 steps; at most a third of the median training set."""
    return max(1, min(max(32, 2 * season, 2 * horizon), int(np.median(train)) // 3))


def usable_series(
    table: SeriesTable, split: TimeSplit, settings: ForecastSettings, problems: Problems
) -> list[int]:
    """The numbers of the series that a forecaster can be trained on.

    Args:
        table: all series.
        split: where their sets end.
        settings: the horizon.
        problems: takes the other series.

    Raises:
        UserError: where a series cannot be used and it is the only one, or bad ones stop.
    """
    usable = []
    for k, one in enumerate(table.series):
        wrong = problem_of(table, one, split, split.train[k], settings)
        if wrong is None:
            usable.append(k)
        elif len(table.series) == 1:  # without it nothing is left
            raise UserError(wrong)
        else:
            problems.bad(wrong)
    return usable


def problem_of(
    table: SeriesTable, one: Series, split: TimeSplit, train: int, settings: ForecastSettings
) -> str | None:
    """Why nothing can be learned from the first `train` steps of a series, or None."""
    rows = one.lines[one.lines > 0]
    lines = f"lines {rows.min()} to {rows.max()}"
    name = f"the series {one.name}, {lines}," if one.name else f"the series, {lines},"
    least = max(split.history, split.season) + settings.horizon + 1
    if train < least:
        return (
            f"{table.name}: {name} has {counted(len(one), 'step')}, {train} of them in the training "
            f"set; expected at least {least} there, for a history of {split.history} (--set "
            f"history=N), a season of {split.season} (--set season=N) and a horizon of "
            f"{settings.horizon}."
        )
    part = one.values[:train, 0]
    known = part[~np.isnan(part)]
    if np.ptp(known) == 0:
        return (
            f"{table.name}: {table.columns[0]} of {name} is always {known[0]:g} in the training set; "
            "there is nothing to learn."
        )
    return None
