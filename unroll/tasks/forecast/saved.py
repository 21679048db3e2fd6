"""What a run folder holds of a forecaster beside its weights, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field

from unroll.saved_files import (
    MOST_BYTES,
    STRICT,
    are_unique,
    check_record,
    parse_json,
    read_record,
    read_whole,
    refuse_unless,
)
from unroll.tasks.forecast.scales import Scale
from unroll.tasks.forecast.times import TimeStep

FILE, PAST = "series.json", "history.json"
UNITS = ("second", "weekday", "month", "number")
ANCHOR = re.compile(r"|(about )?(first|last) business day|last day|[1-9]|[12]\d|3[01]")
Count = Annotated[int, Field(ge=0, lt=1 << 53)]


@dataclass
class ForecastRecord:
    """What the file holds; the attributes are those of the preprocessor.

    Attributes:
        time: the column of times.
        by: the column that names the series.
        columns: of values.
        ahead: how many columns are known ahead.
        step: the time between rows.
        dates: whether times are dates.
        words: of each column of words.
        logs: for each column.
        levels: for each column.
        season: steps of a season.
        cycles: of the calendar.
        time_format: how dates are written.
        scales: by the name of each series.
        clock: what times are.
        time_form: how times were written.
        decimal: the decimal mark.
        units: of each column of numbers.
    """

    __pydantic_config__ = STRICT

    time: str
    by: str | None
    columns: tuple[str, ...]
    ahead: Count
    step: TimeStep
    dates: bool
    words: dict[str, list[str]]
    logs: tuple[bool, ...]
    levels: tuple[bool, ...]
    season: Annotated[int, Field(ge=1, lt=1 << 31)]
    cycles: tuple[Literal["day", "week", "year"], ...]
    time_format: str | None
    scales: dict[str, Scale]
    clock: str = ""
    time_form: str | None = None
    decimal: Literal[".", ","] | None = "."
    units: dict[str, str] = field(default_factory=dict)


@dataclass
class PastSeriesRecord:
    """What the file of last rows holds of a series; the attributes are those of `Series`.

    Attributes:
        name: of the series.
        times: of its rows.
        values: of its rows; None where missing.
        first: its first value.
        earlier: how many steps lie before.
        offsets: of its times from UTC.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    times: list[Annotated[float, Field(allow_inf_nan=False)]]
    values: list[list[Annotated[float, Field(allow_inf_nan=False)] | None]]
    first: float
    earlier: Count = 0
    offsets: list[float] | None = None


@dataclass
class PastRecord:
    """What the file of last rows holds.

    Attributes:
        until: the last time of each series that weights were learned from.
        series: their last rows.
    """

    __pydantic_config__ = STRICT

    until: dict[str, float]
    series: list[PastSeriesRecord]


def read_learned(folder: Path) -> ForecastRecord:
    """What was learned from the training set.

    Raises:
        UserError: where the file is missing or damaged.
    """
    record = read_record(folder, FILE, ForecastRecord)
    check_columns(record, folder / FILE)
    return record


def check_columns(record: ForecastRecord, path: Path) -> None:
    """Refuse what is learned of columns that the table does not have.

    Raises:
        UserError: with the name of the file.
    """
    columns = len(record.columns)
    refuse_unless(are_unique(record.columns) and columns > record.ahead, path, "columns, each once")
    refuse_unless(record.columns[0] not in record.words, path, "a target of numbers")
    fits = len(record.logs) == len(record.levels) == columns
    refuse_unless(fits, path, "for each column whether its logarithm and its level are read")
    for name, words in record.words.items():
        refuse_unless(name in record.columns and are_unique(words), path, "words of columns")
    for scale in record.scales.values():
        sizes = {len(scale.mean), len(scale.deviation), len(scale.change)}
        fits = sizes == {columns} and min(*scale.deviation, *scale.change) > 0
        refuse_unless(fits, path, "for each series a scale of each column, above 0")
    refuse_unless(record.scales, path, "a series")
    refuse_unless(record.step.unit in UNITS and record.step.size > 0, path, "a step of time")
    anchored = ANCHOR.fullmatch(record.step.anchor)
    refuse_unless(anchored, path, "the place of a step in its month, such as last day")


def read_past(folder: Path, learned: ForecastRecord) -> PastRecord:
    """The last rows of each series.

    Args:
        folder: the run folder.
        learned: of the same run.

    Raises:
        UserError: where the file is missing or damaged.
    """
    path = folder / PAST
    content = read_whole(folder, PAST, MOST_BYTES)
    past = check_record(parse_json(content, path, finite=False), PastRecord, path)
    for one in past.series:
        rows = len(one.times)
        fits = rows == len(one.values) > 0 and min(np.diff(one.times), default=1) > 0
        fits = fits and all(len(row) == len(learned.columns) for row in one.values)
        refuse_unless(fits, path, "rising times, and for each a value of each column")
        refuse_unless(
            one.offsets is None or len(one.offsets) == rows, path, "an offset of each time"
        )
        for at, name in enumerate(learned.columns):
            known = [each for row in one.values if (each := row[at]) is not None]
            words = len(learned.words.get(name, ()))
            fits = name not in learned.words or all(-1 <= value < words for value in known)
            refuse_unless(fits, path, f"numbers of the words of {name[:40]}")
    return past
