"""Series to forecast with a trained model: the history of the run before them, checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.continuation import at_the_end, continue_series
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.reader import make_windows
from unroll.tasks.forecast.series import SeriesTable, series_phrase
from unroll.tasks.forecast.series_table import read_series, series_from_columns
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows

RUN = "the run's data"  # what sentences call the rows that a run keeps


@dataclass(frozen=True)
class ForecastInput:
    """One series, to be forecast from its last known value.

    Attributes:
        windows: the series of its table.
        series: its number among them.
        origin: the place of its last known value.
        messages: what was filled, joined and skipped, of its table.
    """

    windows: ForecastWindows
    series: int
    origin: int
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputTable:
    """The series of a table that is given to a trained run.

    Attributes:
        windows: the series.
        begins: how many steps of each series are history that the run kept.
        messages: what was filled, joined and not known.
        problems: takes series that are too short.
    """

    windows: ForecastWindows
    begins: list[int]
    messages: tuple[str, ...]
    problems: Problems

    def all_messages(self) -> list[str]:
        """What was filled, joined, not known and skipped, in sentences."""
        return [*self.messages, *self.problems.messages()]

    def inputs(self) -> list[ForecastInput]:
        """The series that can be forecast; the first one has the messages of the table.

        Raises:
            UserError: where a series cannot be forecast and it is the only one, or bad ones stop.
        """
        usable = self._usable(self._problem_of_forecast)
        messages = tuple(self.all_messages())
        return [
            ForecastInput(self.windows, k, int(self.windows.ends[k]) - 1, () if n else messages)
            for n, k in enumerate(usable)
        ]

    def origins(self) -> np.ndarray:
        """The places from which a backtest forecasts [N].

        Raises:
            UserError: where a series has none and it is the only one, or bad ones stop.
        """
        self._usable(self._problem_of_backtest)
        return self.windows.origins(begins=self.begins)

    def _usable(self, problem_of: Callable[[int], str | None]) -> list[int]:
        """The numbers of the series without a problem; the others are reported."""
        series, usable = self.windows.table.series, []
        for k in range(len(series)):
            problem = problem_of(k)
            if problem is None:
                usable.append(k)
            elif len(series) == 1:
                raise UserError(problem)
            else:
                self.problems.bad(problem)
        if not usable:
            name = self.windows.table.name
            raise UserError(
                self.problems.with_messages(f"{name} has no series that can be forecast.")
            )
        return usable

    def _problem_of_forecast(self, series: int) -> str | None:
        """Why there is no forecast from the end of a series, or None."""
        windows = self.windows
        table, one, preprocessor = windows.table, windows.table.series[series], windows.preprocessor
        if len(one) <= windows.first:
            return self._too_short(series, windows.first + 1, "the history that the model reads")
        past = len(preprocessor.columns) - preprocessor.ahead
        future = one.values[len(one) : len(one) + windows.horizon, past:]
        is_known = len(future) == windows.horizon and not np.isnan(future).any()
        if not preprocessor.ahead or is_known:
            return None
        return (
            f"{table.name}: {series_phrase(one.name)} lacks known values of its future. After its last "
            f"{preprocessor.target}, at {table.time_of(one, len(one) - 1)}, expected "
            f"{counted(windows.horizon, 'more row')} without it and with "
            f"{', '.join(preprocessor.known_columns)}."
        )

    def _problem_of_backtest(self, series: int) -> str | None:
        """Why there is no forecast to compare with known values of a series, or None."""
        windows = self.windows
        first = max(windows.first, self.begins[series] - 1)
        least = first + windows.horizon + 1
        if len(windows.table.series[series]) >= least:
            return None
        return self._too_short(
            series, least, "the history that the model reads and the values to compare with"
        )

    def _too_short(self, series: int, least: int, what: str) -> str:
        """A sentence on a series with fewer than the least steps, which are for `what`."""
        windows, begins = self.windows, self.begins[series]
        one = windows.table.series[series]
        past = [each for each in windows.preprocessor.past if each.name == one.name]
        if begins:
            other = f" after the {counted(begins, 'step')} that the run's data has before it"
        elif past:
            end = at_the_end(windows.table, past)
            other = f", or times that begin where the run's data ends{end}"
        else:
            other = ""
        return (
            f"{windows.table.name}: {series_phrase(one.name)} has "
            f"{counted(len(one) - begins, 'step')} up to its last {windows.preprocessor.target}; "
            f"expected at least {least - begins}, {what}{other}."
        )


def read_input_table(
    path: str, preprocessor: ForecastPreprocessor, settings: ForecastSettings
) -> InputTable:
    """Read a table of the run's columns.

    Args:
        path: the table.
        preprocessor: the run's own.
        settings: those in use.

    Raises:
        UserError: for a table that cannot be read so.
    """
    problems = Problems(settings.skip_bad)
    request = preprocessor.request(settings)
    return input_table(read_series(path, request, problems), preprocessor, settings, problems)


def input_from_columns(
    columns: object, preprocessor: ForecastPreprocessor, settings: ForecastSettings
) -> ForecastInput:
    """The one series in a dictionary of columns, or in its JSON.

    Args:
        columns: {"date": [...], "sales": [...]}, or its JSON.
        preprocessor: the run's own.
        settings: those in use.

    Raises:
        UserError: where it is not one series of the run's columns.
    """
    if isinstance(text := columns, str):
        try:
            columns = json.loads(text)
        except ValueError as error:
            raise UserError(
                f"The input {text[:60]!r} is not JSON ({error}); expected an object of columns, "
                f'{{"{preprocessor.time}": [...], "{preprocessor.target}": [...]}}, or give a table.'
            ) from error
    request = preprocessor.request(settings)
    table = series_from_columns(columns, preprocessor.columns, request)
    return input_table(table, preprocessor, settings, Problems(may_skip=False)).inputs()[0]


def input_table(
    table: SeriesTable,
    preprocessor: ForecastPreprocessor,
    settings: ForecastSettings,
    problems: Problems,
) -> InputTable:
    """The series of a table of the run's columns, with the history that the run kept before them."""
    preprocessor.check(table)
    history = settings.history or 1
    fill = 0 if settings.missing == "refuse" else history
    joined = continue_series(table, preprocessor.past, RUN, fill, problems)
    unknown = preprocessor.describe_unknown_words(joined.table)
    windows = make_windows(joined.table, preprocessor, settings, history)
    messages = (*table.messages, *joined.messages, *unknown)
    return InputTable(windows, joined.begins, messages, problems)
