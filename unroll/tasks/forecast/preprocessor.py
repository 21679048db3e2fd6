"""What a forecaster learns of its table beside weights: scales of each series, what is read how."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.errors import UserError
from unroll.tasks.forecast.series_table import Series, SeriesTable, Wanted
from unroll.tasks.forecast.times import Step, calendar_features, find_cycles

FILE, PAST = "series.json", "history.json"
RETURNS = -2.86  # the Dickey-Fuller statistic, with a constant, that one series in 20 goes below


@dataclass(frozen=True)
class Scale:
    """Of one series, of its training part alone, a number a column: the mean and the deviation, the
    root mean square of changes, all after the logarithm where there is one; and the mean absolute
    error of the seasonal naive forecast of the target, in its own unit (for MASE)."""

    mean: list[float]
    deviation: list[float]
    change: list[float]
    naive_error: float


@dataclass(frozen=True)
class ForecastPreprocessor:
    """How a table becomes numbers and back.

    columns: the target, those read up to the present, `ahead` known ones. words: of the columns of
    words. logs, levels: whether a column is read as its logarithm, and whether its level is read
    beside its changes. season: in steps. cycles: of the calendar, that are read. scales: by name of
    the series. past: the last rows of the series, from which a later table is read on; their words
    have the numbers of `words`. until: the last time of each that weights were learned or chosen by.
    """

    time: str
    by: str | None
    columns: tuple[str, ...]
    ahead: int
    step: Step
    dates: bool
    words: dict[str, list[str]]
    logs: tuple[bool, ...]
    levels: tuple[bool, ...]
    season: int
    cycles: tuple[str, ...]
    time_format: str | None
    scales: dict[str, Scale]
    past: tuple[Series, ...] = ()
    until: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def learn(
        table: SeriesTable,
        train: list[int],
        *,
        season: int | None,
        transform: str,
        level: str,
        calendar: bool,
        time_format: str | None,
    ) -> ForecastPreprocessor:
        """From the first train[k] steps of each series.

        Raises: UserError where a logarithm is asked for of values that have none.
        """
        season = season or table.step.season
        parts = [one.values[:n] for one, n in zip(table.series, train, strict=True)]
        plain = [c not in table.words for c in table.columns]
        logs = []
        for k in range(len(table.columns)):
            positive = plain[k] and all(
                bool((one.values[~np.isnan(one.values[:, k]), k] > 0).all()) for one in table.series
            )
            if k == 0 and transform == "log" and not positive:
                raise UserError(
                    f"--set transform=log: {table.columns[0]} has values that are not above 0, "
                    "which have no logarithm. Leave it out."
                )
            asked = transform == "log" and k == 0
            ratios = positive and transform != "none" and steadier([p[:, k] for p in parts])
            logs.append(asked or ratios)
        learned = [one.times[:n] for one, n in zip(table.series, train, strict=True)]
        span = max(float(np.ptp(times)) for times in learned)
        cycles = find_cycles(table.step, span) if calendar and table.dates else ()
        parts = [transformed(part, logs) for part in parts]
        levels = [
            {"yes": True, "no": False}.get(level, comes_back([p[:, k] for p in parts]))
            or not plain[k]
            for k in range(len(table.columns))
        ]
        words = {
            name: [
                word
                for code, word in enumerate(there)
                if any(bool((p[:, table.columns.index(name)] == code).any()) for p in parts)
            ]
            for name, there in table.words.items()
        }
        scales = {
            one.name: scale_of(part, plain, one.values[:n, 0], season)
            for one, part, n in zip(table.series, parts, train, strict=True)
        }
        return ForecastPreprocessor(
            table.time, table.by, table.columns, table.ahead, table.step, table.dates, words,
            tuple(map(bool, logs)), tuple(map(bool, levels)), season, cycles, time_format, scales,
        )  # fmt: skip

    @property
    def target(self) -> str:
        """The column that is forecast."""
        return self.columns[0]

    @property
    def names(self) -> list[str]:
        """The series that were learned from."""
        return list(self.scales)

    @property
    def inputs(self) -> int:
        """How many numbers a step of the history has."""
        past = range(len(self.columns) - self.ahead)
        plain = sum(self.columns[k] not in self.words for k in past)
        return sum(self.width(k) for k in past if self.levels[k]) + plain + self.known

    @property
    def known(self) -> int:
        """How many of them are known ahead; they are the last ones."""
        ahead = range(len(self.columns) - self.ahead, len(self.columns))
        turns = calendar_features(np.zeros(1), self.cycles).shape[1]
        return sum(self.width(k) for k in ahead) + turns

    def width(self, column: int) -> int:
        """Numbers of a column: one, or one for each of its words."""
        name = self.columns[column]
        return len(self.words[name]) if name in self.words else 1

    def scale(self, name: str, values: np.ndarray) -> Scale:
        """Of a series; of one that was not learned from, by the values given of it."""
        if name in self.scales:
            return self.scales[name]
        plain = [c not in self.words for c in self.columns]
        return scale_of(transformed(values, self.logs), plain, values[:, 0], self.season)

    def wanted(self, missing: str, zero_is_missing: bool) -> Wanted:
        """The same columns of another table."""
        past, known = self.columns[1 : len(self.columns) - self.ahead], self.columns[1:]
        known = known[len(past) :]
        return Wanted(
            self.time, self.target, self.by, past, known, self.time_format,
            "row" if self.step.loose else "auto", missing, zero_is_missing, self.words, self.step,
        )  # fmt: skip

    def in_own_words(self, one: Series, table: SeriesTable) -> Series:
        """A series of a table, its words with the numbers that they have here."""
        values = one.values.copy()
        for name, words in self.words.items():
            at = self.columns.index(name)
            values[:, at] = recoded(values[:, at], table.words[name], words)
        return replace(one, values=values)

    def unknown_words(self, table: SeriesTable) -> list[str]:
        """What to say of the words of a table of the same columns that were not learned from."""
        said = []
        for name, words in self.words.items():
            there, at = table.words[name], self.columns.index(name)
            codes = np.concatenate([one.values[:, at] for one in table.series])
            known = [k for k, word in enumerate(there) if word in words]
            new = int((~np.isnan(codes) & ~np.isin(codes, known)).sum())
            if new:
                said.append(
                    f"{counted(new, 'value')} of {name} in {table.name} {'is' if new == 1 else 'are'} "
                    "no word that was learned from, and read as none."
                )
        return said

    def check(self, table: SeriesTable) -> None:
        """Raises: UserError for times of another kind, and for values without a logarithm where the
        run takes it."""
        if table.dates != self.dates:
            kinds = ["dates" if dates else "plain numbers" for dates in (table.dates, self.dates)]
            raise UserError(
                f"{table.name}: the times in {table.time} are {kinds[0]}; expected {kinds[1]}, as the "
                "run learned from."
            )
        for k, log in enumerate(self.logs):
            for one in table.series:
                wrong = np.flatnonzero(one.values[:, k] <= 0)
                if log and len(wrong):
                    raise UserError(
                        f"{table.name}, line {one.lines[wrong[0]]}: {self.columns[k]} is "
                        f"{one.values[wrong[0], k]:g}; this run learned ratios, which need values "
                        "above 0. Train with --set transform=none."
                    )

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        found = asdict(replace(self, past=(), until={}))
        del found["past"], found["until"]
        rows = [
            {
                "name": one.name,
                "times": one.times.tolist(),
                "values": [
                    [None if np.isnan(v) else v for v in row] for row in one.values.tolist()
                ],
                "first": one.first,
                "earlier": one.earlier,
            }
            for one in self.past
        ]
        past = {"until": self.until, "series": rows}
        return {FILE: json.dumps(found).encode(), PAST: json.dumps(past).encode()}

    @staticmethod
    def load(folder: Path) -> ForecastPreprocessor:
        """From a run folder."""
        found: dict[str, Any] = json.loads((folder / FILE).read_bytes())
        found["step"] = Step(**found["step"])
        found["scales"] = {name: Scale(**one) for name, one in found["scales"].items()}
        for name in ("columns", "logs", "levels", "cycles"):
            found[name] = tuple(found[name])
        past = folder / PAST
        if not past.exists():  # of an older version: a later table has to bring its own history
            return ForecastPreprocessor(**found)
        kept: dict[str, Any] = json.loads(past.read_bytes())
        series = tuple(
            Series(
                one["name"],
                np.array(one["times"]),
                np.array(one["values"], dtype=float),
                np.zeros(len(one["times"]), np.int64),
                len(one["times"]),
                one["first"],
                one["earlier"],
            )
            for one in kept["series"]
        )
        return ForecastPreprocessor(**found, past=series, until=kept["until"])


def recoded(codes: np.ndarray, there: list[str], known: list[str]) -> np.ndarray:
    """Numbers of the words `there` as numbers of the `known` ones; -1: none of them."""
    numbers = np.array([*(known.index(word) if word in known else -1 for word in there), -1.0])
    found, said = codes.copy(), ~np.isnan(codes)
    found[said] = numbers[codes[said].astype(np.int64)]
    return found


def transformed(values: np.ndarray, logs: tuple[bool, ...] | list[bool]) -> np.ndarray:
    """Values [T, C], their logarithm in the columns that have one."""
    logged = values.copy()
    for k in np.flatnonzero(logs):
        logged[:, k] = np.log(
            values[:, k], where=values[:, k] > 0, out=np.full(len(values), np.nan)
        )
    return logged


def scale_of(values: np.ndarray, plain: list[bool], target: np.ndarray, season: int) -> Scale:
    """The scale of transformed values [T, C]. plain: columns of numbers. target: untransformed."""
    means, deviations, changes = [], [], []
    for k, numbers in enumerate(plain):
        column = values[:, k]
        known = column[~np.isnan(column)] if numbers else np.zeros(0)
        steps = np.diff(column)
        steps = steps[~np.isnan(steps)] if numbers else np.zeros(0)
        deviation = float(known.std()) if len(known) else 0.0
        change = float(np.sqrt(np.mean(steps**2))) if len(steps) else 0.0
        tiny = 1e-9 * (float(np.abs(known).max()) if len(known) else 0.0)
        deviation = deviation if deviation > tiny else 1.0
        means.append(float(known.mean()) if len(known) else 0.0)
        deviations.append(deviation)
        changes.append(change if change > tiny else deviation)
    far = target[season:] - target[:-season] if len(target) > season else np.zeros(0)
    far = np.abs(far[~np.isnan(far)])
    return Scale(means, deviations, changes, float(far.mean()) if len(far) else 0.0)


def steadier(columns: list[np.ndarray]) -> bool:
    """Whether ratios of values are likelier than differences of them to be normal, all alike.

    The log-likelihoods of normal changes, with the one of the logarithm's in the unit of the other:
    -n log(rms of changes), less the sum of log y for ratios (Box and Cox, 1964).
    """
    gain = 0.0
    for column in columns:
        known = column[~np.isnan(column)]
        if len(known) < 3:
            continue
        logs = np.log(known)
        plain, ratios = rms(np.diff(known)), rms(np.diff(logs))
        if plain > 0 and ratios > 0:
            gain += (len(known) - 1) * (np.log(plain) - np.log(ratios)) - logs[1:].sum()
    return bool(gain > 0)


def comes_back(columns: list[np.ndarray]) -> bool:
    """Whether most of some series come back to a mean, by the test of Dickey and Fuller (1979).

    The statistic of b in y_t - y_{t-1} = a + b y_{t-1}: of random walks one in 20 is below -2.86.
    """
    votes = []
    for column in columns:
        before, step = column[:-1], np.diff(column)
        both = ~np.isnan(step)
        x, y = before[both], step[both]
        if len(x) < 8 or np.ptp(x) == 0:
            continue
        x = x - x.mean()
        b = float(x @ y / (x @ x))
        rest = y - y.mean() - b * x
        error = np.sqrt(rest @ rest / (len(x) - 2) / (x @ x))
        votes.append(bool(b < RETURNS * error))
    return bool(votes) and sum(votes) * 2 >= len(votes)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
