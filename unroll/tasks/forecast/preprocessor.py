"""What a forecaster learns of its table beside weights: scales, words, and how columns are read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.errors import UserError
from unroll.saved_files import is_listed
from unroll.tasks.forecast.columns import RunForms, TableRequest
from unroll.tasks.forecast.floor import ForecastFloor
from unroll.tasks.forecast.floor_file import FLOOR, read_floor
from unroll.tasks.forecast.saved import FILE, PAST, read_learned, read_past
from unroll.tasks.forecast.scales import (
    Scale,
    measure_scale,
    ratios_fit_better,
    reverts_to_mean,
    take_logs,
)
from unroll.tasks.forecast.series import Series, SeriesTable
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.times import TimeStep, calendar_features, find_cycles


@dataclass(frozen=True)
class ForecastPreprocessor:
    """How a table becomes numbers and back.

    Attributes:
        time: the column of times.
        by: the column that names the series, or None.
        columns: the target, columns read up to the present, then columns known ahead.
        ahead: how many columns are known ahead.
        step: the time between rows.
        dates: whether times are dates.
        words: the words of each column of words.
        logs: for each column, whether it is read as its logarithm.
        levels: for each column, whether its level is read beside its changes.
        season: steps of a season.
        cycles: cycles of the calendar that are read: among day, week and year.
        time_format: how dates are written; None for ISO or what fits.
        scales: by the name of each series.
        past: the last rows of each series, which later tables continue; their words are numbered
            as in `words`.
        until: the last time of each series that weights were learned from or chosen by.
        clock: what times are, as of `SeriesTable`; "" for runs that did not keep it.
        time_form: how times were written, where that was found. None: not kept.
        decimal: the decimal mark of the training table; None where no number had a mark.
        units: the unit of each column of numbers, such as %; "" where it had none.
        floor: the simple model that the network improves on. None: the network is alone.
    """

    time: str
    by: str | None
    columns: tuple[str, ...]
    ahead: int
    step: TimeStep
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
    clock: str = ""
    time_form: str | None = None
    decimal: str | None = "."
    units: dict[str, str] = field(default_factory=dict)
    floor: ForecastFloor | None = None

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
        """Learn from the first train[k] steps of series k.

        Args:
            table: the series.
            train: how many steps of each series are its training set.
            season: steps of a season. None: the usual one of the step.
            transform: auto, none or log, as the setting.
            level: auto, yes or no, as the setting.
            calendar: whether cycles of the calendar are read.
            time_format: how dates are written.

        Raises:
            UserError: where a logarithm is asked for of values that have none.
        """
        season = season or table.step.season
        parts = [one.values[:n] for one, n in zip(table.series, train, strict=True)]
        is_number = [c not in table.words for c in table.columns]
        logs = choose_logs(table, parts, transform)
        learned = [one.times[:n] for one, n in zip(table.series, train, strict=True)]
        span = max(float(np.ptp(times)) for times in learned)
        cycles = find_cycles(table.step, span) if calendar and table.dates else ()
        parts = [take_logs(part, logs) for part in parts]
        asked = {"yes": True, "no": False}
        levels = [
            asked.get(level, reverts_to_mean([p[:, k] for p in parts])) or not is_number[k]
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
            one.name: measure_scale(part, is_number, one.values[:n, 0], season)
            for one, part, n in zip(table.series, parts, train, strict=True)
        }
        return ForecastPreprocessor(
            table.time, table.by, table.columns, table.ahead, table.step, table.dates, words,
            tuple(map(bool, logs)), tuple(map(bool, levels)), season, cycles, time_format, scales,
            clock=table.clock, time_form=table.time_form,
            decimal=table.numbers.decimal if table.numbers.known else None,
            units={c: table.numbers.units.get(c, "") for c in table.columns if c not in table.words},
        )  # fmt: skip

    @property
    def target(self) -> str:
        """The column that is forecast."""
        return self.columns[0]

    @property
    def past_columns(self) -> tuple[str, ...]:
        """The columns beside the target that are read up to the present."""
        return self.columns[1 : len(self.columns) - self.ahead]

    @property
    def known_columns(self) -> tuple[str, ...]:
        """The columns that are known ahead."""
        return self.columns[len(self.columns) - self.ahead :]

    @property
    def names(self) -> list[str]:
        """The series of the training set."""
        return list(self.scales)

    @property
    def inputs(self) -> int:
        """Inputs per step of the history."""
        past = range(len(self.columns) - self.ahead)
        changes = sum(self.columns[k] not in self.words for k in past)
        return self.level_count + changes + self.known

    @property
    def level_count(self) -> int:
        """How many of the inputs are levels; they are the first ones."""
        past = range(len(self.columns) - self.ahead)
        return sum(self.width(k) for k in past if self.levels[k])

    @property
    def turn_count(self) -> int:
        """How many of the inputs are of the calendar; they are the last ones."""
        return calendar_features(np.zeros(1), self.cycles).shape[1]

    @property
    def known(self) -> int:
        """How many of the inputs are known ahead; they are the last ones."""
        ahead = range(len(self.columns) - self.ahead, len(self.columns))
        return sum(self.width(k) for k in ahead) + self.turn_count

    def width(self, column: int) -> int:
        """How many inputs the level of a column has: one, or one for each of its words."""
        name = self.columns[column]
        return len(self.words[name]) if name in self.words else 1

    def scale(self, name: str, values: np.ndarray) -> Scale:
        """The scale of a series; of an unseen series it is measured on these values [T, C]."""
        if name in self.scales:
            return self.scales[name]
        is_number = [c not in self.words for c in self.columns]
        return measure_scale(take_logs(values, self.logs), is_number, values[:, 0], self.season)

    def request(self, settings: ForecastSettings) -> TableRequest:
        """A request for the same columns of another table, as the settings in use read it."""
        return TableRequest(
            self.time, self.target, self.by, self.past_columns, self.known_columns,
            self.time_format, "row" if self.step.loose else "auto", settings.missing,
            settings.zero_is_missing,
            self.words, self.step, decimal=settings.decimal, thousands=settings.thousands,
            like=RunForms(
                self.time_form or (None if self.dates else "number"), self.clock, self.decimal, self.units
            ),
            series=tuple(self.names),
        )  # fmt: skip

    def renumber_words(self, one: Series, table: SeriesTable) -> Series:
        """A series of a table with its words numbered as here."""
        values = one.values.copy()
        for name, words in self.words.items():
            at = self.columns.index(name)
            values[:, at] = renumbered(values[:, at], table.words[name], words)
        return replace(one, values=values)

    def describe_unknown_words(self, table: SeriesTable) -> list[str]:
        """Sentences on how many words of a table are not among those of the training set."""
        sentences = []
        for name, words in self.words.items():
            there, at = table.words[name], self.columns.index(name)
            codes = np.concatenate([one.values[:, at] for one in table.series])
            known = [k for k, word in enumerate(there) if word in words]
            unknown = int((~np.isnan(codes) & ~np.isin(codes, known)).sum())
            if unknown:
                are = counted(unknown, "value", "values")
                sentences.append(
                    f"{are} of {name} in {table.name} {'is' if unknown == 1 else 'are'} not among the "
                    "words of the training set, and read as no word."
                )
        return sentences

    def check(self, table: SeriesTable) -> None:
        """Check that this preprocessor can read a table.

        Raises:
            UserError: for times of another kind, and for values without a logarithm where the run
                takes it.
        """
        if table.dates != self.dates:
            kinds = ["dates" if dates else "plain numbers" for dates in (table.dates, self.dates)]
            raise UserError(
                f"{table.name}: the times in {table.time} are {kinds[0]}; expected {kinds[1]}, as in "
                "the training data of the run."
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
        learned = asdict(replace(self, past=(), until={}, floor=None))
        del learned["past"], learned["until"], learned["floor"]
        rows = [
            {
                "name": one.name,
                "times": one.times.tolist(),
                "values": [
                    [None if np.isnan(v) else v for v in row] for row in one.values.tolist()
                ],
                "first": one.first,
                "earlier": one.earlier,
                **({} if one.offsets is None else {"offsets": one.offsets.tolist()}),
            }
            for one in self.past
        ]
        past = {"until": self.until, "series": rows}
        files = {FILE: json.dumps(learned).encode(), PAST: json.dumps(past).encode()}
        if self.floor is not None:
            files[FLOOR] = self.floor.packed()
        return files

    @staticmethod
    def load(folder: Path) -> ForecastPreprocessor:
        """Load it from a run folder.

        Raises:
            UserError: where a file is missing or damaged.
        """
        record = read_learned(folder)
        learned = ForecastPreprocessor(**vars(record))
        if is_listed(folder, FLOOR):
            learned = replace(learned, floor=read_floor(folder, learned.season))
        if not is_listed(folder, PAST):  # a run of an older version: tables bring their history
            return learned
        kept = read_past(folder, record)
        series = [
            Series(
                one.name,
                np.array(one.times),
                np.array(one.values, dtype=float),
                np.zeros(len(one.times), np.int64),
                len(one.times),
                one.first,
                one.earlier,
                None if one.offsets is None else np.array(one.offsets, dtype=float),
            )
            for one in kept.series
        ]
        return replace(learned, past=tuple(series), until=kept.until)


def choose_logs(table: SeriesTable, parts: list[np.ndarray], transform: str) -> list[bool]:
    """For each column, whether its logarithm is read.

    Args:
        table: all steps, which must be positive.
        parts: the training set of each series [T, C].
        transform: auto: where ratios fit better; log: the target's too; none: of no column.

    Raises:
        UserError: where the target has no logarithm and `log` is asked for.
    """
    logs = []
    for k, column in enumerate(table.columns):
        positive = column not in table.words and all(
            bool((one.values[~np.isnan(one.values[:, k]), k] > 0).all()) for one in table.series
        )
        asked = transform == "log" and k == 0
        if asked and not positive:
            raise UserError(
                f"--set transform=log: {column} has values that are not above 0, which have no "
                "logarithm. Leave it out."
            )
        fits = positive and transform != "none" and ratios_fit_better([p[:, k] for p in parts])
        logs.append(asked or fits)
    return logs


def renumbered(codes: np.ndarray, there: list[str], known: list[str]) -> np.ndarray:
    """Places [T] in the words `there` as places in the `known` words; -1 for an unknown word."""
    numbers = np.array([*(known.index(word) if word in known else -1 for word in there), -1.0])
    result, given = codes.copy(), ~np.isnan(codes)
    result[given] = numbers[codes[given].astype(np.int64)]
    return result
