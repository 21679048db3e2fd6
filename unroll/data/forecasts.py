"""A table of values over time, cut in time: to learn from, to choose the weights by, held out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unroll.data.forecast_codec import ForecastCodec
from unroll.data.problems import Problems
from unroll.data.series_table import Series, SeriesTable, Wanted, read_series
from unroll.data.windows import Windows, seasonal
from unroll.errors import UserError
from unroll.settings.forecast import ForecastSettings


@dataclass(frozen=True)
class Forecasts:
    """What was read. train, valid: how many steps of each series there are up to the end of these
    parts. later: the table of the test part, where it is another; each of its
    series begins with `begins` steps of the first table, only to be read. history: steps."""

    table: SeriesTable
    codec: ForecastCodec
    train: list[int]
    valid: list[int]
    later: SeriesTable | None
    begins: list[int]
    history: int
    sha256: str
    held_out: str
    told: tuple[str, ...]

    def windows(self, settings: ForecastSettings, table: SeriesTable | None = None) -> Windows:
        return windows_of(table or self.table, self.codec, settings, self.history)


def windows_of(
    table: SeriesTable, codec: ForecastCodec, settings: ForecastSettings, history: int
) -> Windows:
    return Windows(
        table,
        codec,
        history,
        settings.horizon,
        relative_to="last" if settings.relative_to == "auto" else settings.relative_to,
        interpolate=settings.missing == "interpolate",
    )


def read_forecasts(
    path: str, settings: ForecastSettings, codec: ForecastCodec | None = None
) -> Forecasts:
    """The table, cut in time: to learn from, to choose the weights by, held out.

    Raises: UserError, in a sentence, for a table that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    if codec is None:
        wanted = wanted_of(settings)
    else:
        wanted = codec.wanted(settings.missing, settings.zero_is_missing)
    table = read_series(path, wanted, problems)
    season = settings.season or table.step.season
    train, valid = cut(table, apart=settings.valid is not None)
    history = settings.history or chosen_history(train, season, settings.horizon)
    keep = usable(table, train, history, season, settings, problems)
    table = replace(table, series=tuple(table.series[k] for k in keep))
    train, valid = [train[k] for k in keep], [valid[k] for k in keep]
    if codec is None:
        codec = ForecastCodec.learn(
            table,
            train,
            season=settings.season,
            transform=settings.transform,
            level=settings.level,
            calendar=settings.calendar,
            time_format=settings.time_format,
        )
    later, sha256 = None, table.sha256
    begins: list[int] = []
    told: list[str] = []
    if settings.valid is not None:
        of_run = codec.wanted(settings.missing, settings.zero_is_missing)
        later = read_series(settings.valid, of_run, problems)
        codec.check(later)
        sha256 += later.sha256
        later, begins = after(table, later, codec)
        told.append(
            f"{sum(map(bool, begins)):,} of the {len(begins):,} series of {settings.valid} go on where "
            f"{path} ends, and read it as their history; the others read their own first rows."
        )
        where = settings.valid
    else:
        starts = [one.times[n] for one, n in zip(table.series, valid, strict=True) if n < len(one)]
        where = "the last fifth of the times"
        where += f", from {table.at(min(starts))}" if starts else ""
    return Forecasts(
        table, codec, train, valid, later, begins, history, sha256, where,
        (*told, *problems.told()),
    )  # fmt: skip


def after(
    table: SeriesTable, later: SeriesTable, codec: ForecastCodec
) -> tuple[SeriesTable, list[int]]:
    """The later series with those of the same name before them, and how many steps these have; 0
    where a series does not begin one step after them."""
    before = {one.name: one for one in table.series}
    joined, begins = [], []
    for one in later.series:
        past = before.get(one.name)
        if past is not None:
            last = past.times[len(past) - 1]
            next_one = (
                one.times[0] > last
                if table.step.loose
                else (one.times[0] == table.step.after(last, 1))
            )
        if past is None or not next_one:
            joined.append(one)
            begins.append(0)
            continue
        n = len(past)
        values = past.values[:n].copy()
        for name, words in later.words.items():
            at = table.columns.index(name)
            code = np.array(
                [words.index(w) if w in words else -1 for w in table.words[name]] + [-1.0]
            )
            there = ~np.isnan(values[:, at])
            values[there, at] = code[values[there, at].astype(np.int64)]
        joined.append(
            Series(
                one.name,
                np.concatenate([past.times[:n], one.times]),
                np.concatenate([values, one.values]),
                np.concatenate([past.lines[:n], one.lines]),
                n + len(one),
            )
        )
        begins.append(n)
    return replace(later, series=tuple(joined)), begins


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


def usable(
    table: SeriesTable,
    train: list[int],
    history: int,
    season: int,
    settings: ForecastSettings,
    problems: Problems,
) -> list[int]:
    """The series that something can be learned from.

    Raises: UserError where there is none, or one cannot be used and bad ones are not skipped.
    """
    keep = []
    least = max(history, season) + settings.horizon + 1
    for k, one in enumerate(table.series):
        rows = one.lines[one.lines > 0]
        lines = f"lines {rows.min()} to {rows.max()}"
        name = f"the series {one.name}, {lines}," if one.name else "the series"
        part = one.values[: train[k], 0]
        known = part[~np.isnan(part)]
        if train[k] < least:
            problems.bad(
                f"{table.name}: {name} has {len(one)} steps, of which {train[k]} are to learn from; "
                f"expected at least {least} of them, for a history of {history} "
                f"(--set history=N), a season of {season} (--set season=N) and a horizon of "
                f"{settings.horizon}."
            )
        elif np.ptp(known) == 0:
            problems.bad(
                f"{table.name}: {table.columns[0]} of {name} is always {known[0]:g} in the part to "
                "learn from; there is nothing to learn."
            )
        else:
            keep.append(k)
    if not keep:
        raise UserError(
            " ".join([f"{table.name} has no series that can be learned from.", *problems.told()])
        )
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
    if data.codec.season == 1 or not len(origins):
        return "last"
    ahead = origins[:, None] + np.arange(1, settings.horizon + 1)
    errors = [
        np.nanmean(
            np.abs(windows.u[ahead] - windows.held[seasonal(origins, settings.horizon, m), 0])
        )
        for m in (1, data.codec.season)
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
        windows = data.windows(settings, data.later)
        found["test"] = (windows, windows.origins(begins=data.begins))
    else:
        found["test"] = (windows, windows.origins(begins=data.valid))
    return found
