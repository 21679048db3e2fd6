"""Read a table of values over time into a training set, a validation set and a test set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.columns import TableRequest
from unroll.tasks.forecast.continuation import (
    ContinuedTable,
    continue_series,
    describe_own_history,
    last_rows,
)
from unroll.tasks.forecast.floor import ForecastFloor, steps_read
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.series import SeriesTable, series_phrase
from unroll.tasks.forecast.series_table import read_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.split import TimeSplit, split_in_time, usable_series
from unroll.tasks.forecast.windows import ForecastWindows, seasonal_places


class WindowSet(NamedTuple):
    """Some of the windows of series.

    Attributes:
        windows: the series.
        origins: the places that forecasts begin after [N].
    """

    windows: ForecastWindows
    origins: np.ndarray


class WindowSets(NamedTuple):
    """The windows of a run.

    Attributes:
        train: the training set.
        valid: the validation set, which chooses the weights.
        test: the test set, later than both.
    """

    train: WindowSet
    valid: WindowSet
    test: WindowSet


class EarlierFloor(NamedTuple):
    """A simple model whose errors on the rest of the training set are errors on new steps.

    Attributes:
        floor: the model.
        cut: steps of each series that it is fitted to.
    """

    floor: ForecastFloor
    cut: list[int]


@dataclass(frozen=True)
class ForecastData:
    """The series of a run.

    Attributes:
        table: the series of the training table.
        preprocessor: learned from the training set.
        train: steps of each series up to the end of the training set.
        valid: steps of each series up to the end of the validation set.
        later: the test table, where it is a table of its own.
        history: steps that a forecast reads.
        sha256: of the training table and the test table.
        validation_set: what the metrics at the end of training are measured on: the test set.
        messages: what was joined, skipped and not known.
        earlier: a simple model fitted to the beginning of the training set. None: there is none.
    """

    table: SeriesTable
    preprocessor: ForecastPreprocessor
    train: list[int]
    valid: list[int]
    later: ContinuedTable | None
    history: int
    sha256: str
    validation_set: str
    messages: tuple[str, ...]
    earlier: EarlierFloor | None = None

    def window_sets(self, settings: ForecastSettings) -> WindowSets:
        """The windows of the three sets."""
        windows = make_windows(self.table, self.preprocessor, settings, self.history)
        if self.later is None:
            test = WindowSet(windows, windows.origins(begins=self.valid))
        else:
            later = make_windows(self.later.table, self.preprocessor, settings, self.history)
            test = WindowSet(later, later.origins(begins=self.later.begins))
        return WindowSets(
            WindowSet(windows, windows.origins(ends=self.train)),
            WindowSet(windows, windows.origins(begins=self.train, ends=self.valid)),
            test,
        )


def make_windows(
    table: SeriesTable, preprocessor: ForecastPreprocessor, settings: ForecastSettings, history: int
) -> ForecastWindows:
    """The windows of a table as the settings ask for them."""
    return ForecastWindows(
        table,
        preprocessor,
        history,
        settings.horizon,
        relative_to="last" if settings.relative_to == "auto" else settings.relative_to,
        interpolate=settings.missing == "interpolate",
    )


def read_forecast_data(
    path: str, settings: ForecastSettings, preprocessor: ForecastPreprocessor | None = None
) -> ForecastData:
    """Read the series of a table, and the test table of the settings where they name one.

    Args:
        path: the table.
        settings: which columns to read, and how.
        preprocessor: the run's own where a run is resumed. Default: learned from the training set.

    Raises:
        UserError: for a table that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    if preprocessor is None:
        request = training_request(settings)
    else:
        # the same columns; words and step are found in them again
        request = preprocessor.request(settings)
        request = replace(
            request, every=settings.every, words={}, step=None, time_format=settings.time_format
        )
    table = read_series(path, request, problems)
    split = split_in_time(table, settings)
    usable = usable_series(table, split, settings, problems)
    if not usable:
        raise UserError(
            problems.with_messages(f"{table.name} has no series that can be learned from.")
        )
    data = prepare_data(table, split, usable, settings, problems, preprocessor)
    return replace(data, messages=(*data.messages, *problems.messages()))


def training_request(settings: ForecastSettings) -> TableRequest:
    """What the settings ask of a training table."""
    return TableRequest(
        settings.time, settings.target, settings.by, settings.covariates, settings.known,
        settings.time_format, settings.every, settings.missing, settings.zero_is_missing,
        decimal=settings.decimal, thousands=settings.thousands,
    )  # fmt: skip


def prepare_data(
    table: SeriesTable,
    split: TimeSplit,
    usable: list[int],
    settings: ForecastSettings,
    problems: Problems,
    preprocessor: ForecastPreprocessor | None = None,
) -> ForecastData:
    """Learn the preprocessor from the usable series, and read the test table.

    Args:
        table: all series.
        split: where their sets end.
        usable: the numbers of the series to keep.
        settings: how columns are read.
        problems: takes bad rows and series of the test table.
        preprocessor: the run's own where a run is resumed.

    Raises:
        UserError: for a test table that cannot be used.
    """
    table = replace(table, series=tuple(table.series[k] for k in usable))
    train, valid = [split.train[k] for k in usable], [split.valid[k] for k in usable]
    preprocessor = preprocessor or ForecastPreprocessor.learn(
        table,
        train,
        season=settings.season,
        transform=settings.transform,
        level=settings.level,
        calendar=settings.calendar,
        time_format=settings.time_format,
    )
    steps = max(split.history, preprocessor.season) + 1  # what the forecast of the next step reads
    past = [preprocessor.renumber_words(one, table) for one in table.series]
    until = {one.name: float(one.times[n - 1]) for one, n in zip(table.series, valid, strict=True)}
    read = steps
    if settings.floor != "none":
        # a later table that begins a little earlier has all of its history too
        read = steps + steps_read(steps - 1, preprocessor.season)[-1]
    kept = [last_rows(one, read) for one in past]
    messages = preprocessor.describe_unknown_words(table)
    later, sha256 = None, table.sha256
    if settings.valid is None:
        starts = [(one, n) for one, n in zip(table.series, valid, strict=True) if n < len(one)]
        where = "the last fifth of the times"
        if starts:
            first, row = min(starts, key=lambda start: float(start[0].times[start[1]]))
            where += f", from {table.time_of(first, row)}"
    else:
        where = settings.valid
        request = preprocessor.request(settings)
        test = read_series(settings.valid, request, problems)
        preprocessor.check(test)
        sha256 += test.sha256
        fill = 0 if settings.missing == "refuse" else split.history
        later = continue_series(test, past, table.name, fill, problems)
        report_short_series(later, steps, settings.horizon, problems)
        kept += [last_rows(one, read) for one in later.table.series]
        if not any(later.begins):
            messages.append(describe_own_history(test, steps - 1, table.name))
        messages += [*later.messages, *test.messages, *preprocessor.describe_unknown_words(test)]
    return ForecastData(
        table, replace(preprocessor, past=tuple(kept), until=until), train, valid, later,
        split.history, sha256, where, tuple(messages),
    )  # fmt: skip


def report_short_series(
    later: ContinuedTable, steps: int, horizon: int, problems: Problems
) -> None:
    """Report each series of a test table that is too short for a forecast.

    Args:
        later: the test table.
        steps: what a forecast reads.
        horizon: steps to forecast.
        problems: takes the short series.
    """
    for one, begins in zip(later.table.series, later.begins, strict=True):
        least = max(steps, begins) + horizon
        if len(one) < least:
            problems.bad(
                f"{later.table.name}: {series_phrase(one.name)} has "
                f"{counted(len(one) - begins, 'step')}; expected at least {least - begins}, to "
                "compare a forecast with."
            )


def table_of_all_rows(data: ForecastData) -> SeriesTable:
    """The known series with the rows of the test table, where that is a table of its own."""
    past = [data.preprocessor.renumber_words(one, data.table) for one in data.table.series]
    if data.later is None:
        return data.table
    later = data.later
    joined = {
        one.name: one
        for one, begins in zip(later.table.series, later.begins, strict=True)
        if begins
    }
    return replace(later.table, series=tuple(joined.get(one.name, one) for one in past))


def choose_base(data: ForecastData, settings: ForecastSettings) -> str:
    """What forecasts are relative to: "last" or "season", whichever is better in the training set."""
    windows = make_windows(data.table, data.preprocessor, settings, data.history)
    origins = windows.origins(ends=data.train)
    if data.preprocessor.season == 1 or not len(origins):
        return "last"
    ahead = origins[:, None] + np.arange(1, settings.horizon + 1)
    last, season = (
        np.nanmean(
            np.abs(
                windows.target[ahead]
                - windows.forward_filled[seasonal_places(origins, settings.horizon, m), 0]
            )
        )
        for m in (1, data.preprocessor.season)
    )
    return "season" if season < last else "last"
