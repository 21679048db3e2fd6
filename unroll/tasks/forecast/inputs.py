"""Series that a trained forecaster is asked about: read on from those it learned from, checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.continuation import ends, read_on
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.reader import windows_of
from unroll.tasks.forecast.series_table import SeriesTable, read_series, series_of_columns
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import Windows

RUN = "the run's data"  # where rows that it keeps are from


@dataclass(frozen=True)
class Asked:
    """The windows of such series. begins: how many steps of each are of what was learned from, only
    to be read. problems: of series that are too short."""

    windows: Windows
    begins: list[int]
    said: tuple[str, ...]
    problems: Problems

    @property
    def told(self) -> list[str]:
        """What was filled, read on and left out, in sentences."""
        return [*self.said, *self.problems.messages()]

    def ends(self) -> list[tuple[int, int]]:
        """The numbers of the series that can be forecast, and the place of each one's last value.

        Raises: UserError where one cannot, and it is the only one, or bad ones are not skipped.
        """
        whole = self._whole(self._no_end)
        return [(k, int(self.windows.ends[k]) - 1) for k in whole]

    def origins(self) -> np.ndarray:
        """The places from which a backtest forecasts.

        Raises: UserError where a series has none, as `ends`.
        """
        self._whole(self._no_backtest)
        return self.windows.origins(begins=self.begins)

    def _whole(self, wrong: Callable[[int], str | None]) -> list[int]:
        series, whole = self.windows.table.series, []
        for k in range(len(series)):
            sentence = wrong(k)
            if sentence is None:
                whole.append(k)
            elif len(series) == 1:
                raise UserError(sentence)
            else:
                self.problems.bad(sentence)
        if not whole:
            name = self.windows.table.name
            raise UserError(
                self.problems.with_messages(f"{name} has no series that can be forecast.")
            )
        return whole

    def _no_end(self, series: int) -> str | None:
        windows = self.windows
        table, one, preprocessor = windows.table, windows.table.series[series], windows.preprocessor
        if len(one) <= windows.first:
            return self._too_short(series, windows.first + 1, "the history that the model reads")
        past = len(preprocessor.columns) - preprocessor.ahead
        future = one.values[len(one) : len(one) + windows.horizon, past:]
        if not preprocessor.ahead or (
            len(future) == windows.horizon and not np.isnan(future).any()
        ):
            return None
        return (
            f"{table.name}: {self._named(series)} says too little of its future. After its last "
            f"{preprocessor.target}, at {table.at(one.times[len(one) - 1])}, expected "
            f"{counted(windows.horizon, 'more row')} without it and with "
            f"{', '.join(preprocessor.columns[past:])}."
        )

    def _no_backtest(self, series: int) -> str | None:
        windows = self.windows
        first = max(windows.first, self.begins[series] - 1)
        least = first + windows.horizon + 1
        if len(windows.table.series[series]) >= least:
            return None
        return self._too_short(
            series, least, "the history that the model reads and what comes then"
        )

    def _too_short(self, series: int, least: int, what: str) -> str:
        windows, begins = self.windows, self.begins[series]
        one = windows.table.series[series]
        old = [each for each in windows.preprocessor.past if each.name == one.name]
        if begins:
            other = f" behind the {counted(begins, 'step')} that the run's data has before it"
        elif old:
            other = f", or times that go on where the run's data ends{ends(windows.table, old)}"
        else:
            other = ""
        return (
            f"{windows.table.name}: {self._named(series)} has "
            f"{counted(len(one) - begins, 'step')} up to its last {windows.preprocessor.target}; expected at "
            f"least {least - begins}, {what}{other}."
        )

    def _named(self, series: int) -> str:
        name = self.windows.table.series[series].name
        return f"the series {name}" if name else "the series"


def asked_table(path: str, preprocessor: ForecastPreprocessor, settings: ForecastSettings) -> Asked:
    """The series of a table of a run's columns.

    Raises: UserError for a table that cannot be read so.
    """
    problems = Problems(settings.skip_bad)
    wanted = preprocessor.wanted(settings.missing, settings.zero_is_missing)
    return asked(read_series(path, wanted, problems), preprocessor, settings, problems)


def asked_columns(
    columns: Any, preprocessor: ForecastPreprocessor, settings: ForecastSettings
) -> Asked:
    """The one series in a dictionary of columns, or in its JSON.

    Raises: UserError where it is none, or cannot be read so.
    """
    if isinstance(columns, str):
        try:
            columns = json.loads(columns)
        except ValueError as error:
            raise UserError(
                f"The input {columns[:60]!r} is no JSON ({error}); expected an object of columns, "
                f'{{"{preprocessor.time}": [...], "{preprocessor.target}": [...]}}, or give a table.'
            ) from error
    wanted = preprocessor.wanted(settings.missing, settings.zero_is_missing)
    table = series_of_columns(columns, preprocessor.columns, wanted)
    return asked(table, preprocessor, settings, Problems(may_skip=False))


def asked(
    table: SeriesTable,
    preprocessor: ForecastPreprocessor,
    settings: ForecastSettings,
    problems: Problems,
) -> Asked:
    """The series of a table that was read for a run."""
    preprocessor.check(table)
    history = settings.history or 1
    fill = 0 if settings.missing == "refuse" else history
    found = read_on(table, preprocessor.past, RUN, fill, problems)
    said = (*table.said, *found.said, *preprocessor.unknown_words(found.table))
    return Asked(
        windows_of(found.table, preprocessor, settings, history), found.begins, said, problems
    )
