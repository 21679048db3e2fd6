"""A table of values over time, cut in time: to learn from, to choose the weights by, held out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.continuation import ReadOn, last_rows, own_history, read_on
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.series_table import SeriesTable, Wanted, read_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import Windows, seasonal


@dataclass(frozen=True)
class Forecasts:
    """What was read. train, valid: how many steps of each series there are up to the end of these
    parts. later: the table of the test part, where it is another. history: steps."""

    table: SeriesTable
    preprocessor: ForecastPreprocessor
    train: list[int]
    valid: list[int]
    later: ReadOn | None
    history: int
    sha256: str
    validation_set: str
    told: tuple[str, ...]

    def windows(self, settings: ForecastSettings, table: SeriesTable | None = None) -> Windows:
        return windows_of(table or self.table, self.preprocessor, settings, self.history)


def windows_of(
    table: SeriesTable, preprocessor: ForecastPreprocessor, settings: ForecastSettings, history: int
) -> Windows:
    return Windows(
        table,
        preprocessor,
        history,
        settings.horizon,
        relative_to="last" if settings.relative_to == "auto" else settings.relative_to,
        interpolate=settings.missing == "interpolate",
    )


def read_forecasts(
    path: str, settings: ForecastSettings, preprocessor: ForecastPreprocessor | None = None
) -> Forecasts:
    """The table, cut in time: to learn from, to choose the weights by, held out.

    preprocessor: the run's own, where one is resumed.
    Raises: UserError, in a sentence, for a table that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    if preprocessor is None:
        wanted = wanted_of(settings)
    else:
        # the same columns; all else is found in them again
        wanted = preprocessor.wanted(settings.missing, settings.zero_is_missing)
        wanted = replace(wanted, every=settings.every, words={}, step=None)
    table = read_series(path, wanted, problems)
    keep = usable(table, settings, problems)
    if not keep:
        raise UserError(
            problems.with_messages(f"{table.name} has no series that can be learned from.")
        )
    data = forecasts_of(table, keep, settings, problems, preprocessor)
    return replace(data, told=(*data.told, *problems.messages()))


def forecasts_of(
    table: SeriesTable,
    keep: list[int],
    settings: ForecastSettings,
    problems: Problems,
    preprocessor: ForecastPreprocessor | None = None,
) -> Forecasts:
    """The series `keep` of a table, and the later table of the settings.

    Raises: UserError for a later table that cannot be used.
    """
    train, valid, _, history = sizes_of(table, settings)
    table = replace(table, series=tuple(table.series[k] for k in keep))
    train, valid = [train[k] for k in keep], [valid[k] for k in keep]
    preprocessor = preprocessor or ForecastPreprocessor.learn(
        table,
        train,
        season=settings.season,
        transform=settings.transform,
        level=settings.level,
        calendar=settings.calendar,
        time_format=settings.time_format,
    )
    steps = max(history, preprocessor.season) + 1  # what the forecast of the next step reads
    past = [preprocessor.in_own_words(one, table) for one in table.series]
    until = {one.name: float(one.times[n - 1]) for one, n in zip(table.series, valid, strict=True)}
    last = [last_rows(one, steps) for one in past]
    told = preprocessor.unknown_words(table)
    later, sha256 = None, table.sha256
    if settings.valid is not None:
        found = read_series(
            settings.valid,
            preprocessor.wanted(settings.missing, settings.zero_is_missing),
            problems,
        )
        preprocessor.check(found)
        sha256 += found.sha256
        fill = 0 if settings.missing == "refuse" else history
        later = read_on(found, past, table.name, fill, problems)
        tell_short(later, steps, settings.horizon, problems)
        last += [last_rows(one, steps) for one in later.table.series]
        if not any(later.begins):
            told.append(own_history(found, steps - 1, table.name))
        told += [*later.said, *found.said, *preprocessor.unknown_words(found)]
        where = settings.valid
    else:
        starts = [one.times[n] for one, n in zip(table.series, valid, strict=True) if n < len(one)]
        where = "the last fifth of the times"
        where += f", from {table.at(min(starts))}" if starts else ""
    return Forecasts(
        table, replace(preprocessor, past=tuple(last), until=until), train, valid, later, history, sha256,
        where, tuple(told),
    )  # fmt: skip


def tell_short(later: ReadOn, steps: int, horizon: int, problems: Problems) -> None:
    """Later series too short for a forecast, after the `steps` that one reads, are bad."""
    for one, begins in zip(later.table.series, later.begins, strict=True):
        least = max(steps, begins) + horizon
        if len(one) < least:
            name = f"the series {one.name}" if one.name else "the series"
            problems.bad(
                f"{later.table.name}: {name} has {counted(len(one) - begins, 'step')}; expected at "
                f"least {least - begins}, to compare a forecast with."
            )


def sizes_of(
    table: SeriesTable, settings: ForecastSettings
) -> tuple[list[int], list[int], int, int]:
    """The ends of the two parts that `cut` makes, the steps of a season and of the history."""
    train, valid = cut(table, apart=settings.valid is not None)
    season = settings.season or table.step.season
    return train, valid, season, settings.history or chosen_history(train, season, settings.horizon)


def cut(table: SeriesTable, apart: bool) -> tuple[list[int], list[int]]:
    """How many steps of each series are to learn from, and how many until the held-out part: 70 %
    and 80 % of all different times; with a held-out table of its own, 90 % and all."""
    times = np.unique(np.concatenate([one.times[: len(one)] for one in table.series]))
    ends = []
    for tenths in (9, 10) if apart else (7, 8):
        place = len(times) * tenths // 10
        limit = times[place] if place < len(times) else np.inf
        ends.append([int(np.searchsorted(one.times[: len(one)], limit)) for one in table.series])
    return ends[0], ends[1]


def chosen_history(train: list[int], season: int, horizon: int) -> int:
    """Two seasons, two horizons, at least 32 steps; at most a third of a usual series."""
    return max(1, min(max(32, 2 * season, 2 * horizon), int(np.median(train)) // 3))


def usable(table: SeriesTable, settings: ForecastSettings, problems: Problems) -> list[int]:
    """The series that something can be learned from.

    Raises: UserError where one cannot be used, and it is the only one, or bad ones are not skipped.
    """
    train, _, season, history = sizes_of(table, settings)
    keep = []
    least = max(history, season) + settings.horizon + 1
    for k, one in enumerate(table.series):
        rows = one.lines[one.lines > 0]
        lines = f"lines {rows.min()} to {rows.max()}"
        name = f"the series {one.name}, {lines}," if one.name else f"the series, {lines},"
        part = one.values[: train[k], 0]
        known = part[~np.isnan(part)]
        if train[k] < least:
            wrong = (
                f"{table.name}: {name} has {counted(len(one), 'step')}, of which {train[k]} are to "
                f"learn from; expected at least {least} of them, for a history of {history} "
                f"(--set history=N), a season of {season} (--set season=N) and a horizon of "
                f"{settings.horizon}."
            )
        elif np.ptp(known) == 0:
            wrong = (
                f"{table.name}: {table.columns[0]} of {name} is always {known[0]:g} in the part to "
                "learn from; there is nothing to learn."
            )
        else:
            keep.append(k)
            continue
        if len(table.series) == 1:  # to leave it out would leave nothing
            raise UserError(wrong)
        problems.bad(wrong)
    return keep


def wanted_of(settings: ForecastSettings) -> Wanted:
    """What is asked of a table."""
    return Wanted(
        settings.time, settings.target, settings.by, settings.covariates, settings.known,
        settings.time_format, settings.every, settings.missing, settings.zero_is_missing,
    )  # fmt: skip


def better_naive(data: Forecasts, settings: ForecastSettings) -> str:
    """last or season: whichever was the better forecast in the training part."""
    windows = data.windows(settings)
    origins = windows.origins(ends=data.train)
    if data.preprocessor.season == 1 or not len(origins):
        return "last"
    ahead = origins[:, None] + np.arange(1, settings.horizon + 1)
    errors = [
        np.nanmean(
            np.abs(windows.u[ahead] - windows.held[seasonal(origins, settings.horizon, m), 0])
        )
        for m in (1, data.preprocessor.season)
    ]
    return "season" if errors[1] < errors[0] else "last"


def parts(data: Forecasts, settings: ForecastSettings) -> dict[str, tuple[Windows, np.ndarray]]:
    """The windows to learn from, to choose weights by, and to test."""
    windows = data.windows(settings)
    found = {
        "learn from": (windows, windows.origins(ends=data.train)),
        "choose weights by": (windows, windows.origins(begins=data.train, ends=data.valid)),
    }
    if data.later is not None:
        windows = data.windows(settings, data.later.table)
        found["test"] = (windows, windows.origins(begins=data.later.begins))
    else:
        found["test"] = (windows, windows.origins(begins=data.valid))
    return found
