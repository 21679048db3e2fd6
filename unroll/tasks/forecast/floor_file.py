"""The file of a run folder that holds the simple model of a forecaster, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from unroll.saved_files import STRICT, read_record, refuse_unless
from unroll.tasks.forecast.floor import ForecastFloor, SeriesFloor, Smoothing
from unroll.tasks.forecast.smoothing import HIGHEST, LOWEST, Trend

FLOOR = "floor.json"
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, lt=1 << 20)]


@dataclass
class SmoothingRecord:
    """What the file holds of a form of smoothing; the attributes are those of `Smoothing`.

    Attributes:
        trend: of it.
        season: of it.
        correlated: whether errors follow from the error before.
        parameters: of it.
        steps: that it reads.
        error: its mean absolute error.
    """

    __pydantic_config__ = STRICT

    trend: Trend
    season: Count
    correlated: bool
    parameters: Annotated[list[Number], Field(min_length=len(LOWEST), max_length=len(LOWEST))]
    steps: Count
    error: Annotated[Number, Field(ge=0)]


@dataclass
class SeriesFloorRecord:
    """What the file holds of a series; the attributes are those of `SeriesFloor`.

    Attributes:
        smoothing: its best forms.
        parts: whose mean the simple model is.
    """

    __pydantic_config__ = STRICT

    smoothing: Annotated[list[SmoothingRecord], Field(min_length=1, max_length=8)]
    parts: Annotated[
        list[Literal["last", "season", "smoothing", "ridge"]], Field(min_length=1, max_length=4)
    ]


@dataclass
class ForecastFloorRecord:
    """What the file holds; the attributes are those of `ForecastFloor`.

    Attributes:
        series: by name.
        usual: for new series.
        relative_to: what the ridge regression is relative to.
        ridge: its weights.
        penalty: of it.
        fitted: series that smoothing was fitted to, at most.
        sizes_bands: whether each series has bands of its own size.
    """

    __pydantic_config__ = STRICT

    series: dict[str, SeriesFloorRecord]
    usual: SeriesFloorRecord
    relative_to: Literal["last", "season", "mean"]
    ridge: Annotated[list[list[Number]], Field(min_length=1)]
    penalty: Annotated[Number, Field(gt=0)]
    fitted: Count = 12  # files of before have neither
    sizes_bands: bool = False


def read_floor(folder: Path, season: int) -> ForecastFloor:
    """The simple model of a run.

    Args:
        folder: the run folder.
        season: steps of a season of the run.

    Raises:
        UserError: where the file is missing or damaged.
    """
    path = folder / FLOOR
    record = read_record(folder, FLOOR, ForecastFloorRecord)
    for one in (record.usual, *record.series.values()):
        refuse_unless("season" not in one.parts or season > 1, path, "forecasts that there are")
        for each in one.smoothing:
            fits = each.season in (1, season)
            refuse_unless(fits, path, f"a season of {season} steps or none")
            pairs = zip(each.parameters, LOWEST, HIGHEST, strict=True)
            fits = all(value in (0, 1) or low <= value <= high for value, low, high in pairs)
            refuse_unless(fits, path, "parameters of smoothing in bounds")
    return ForecastFloor(
        {name: series_floor(one) for name, one in record.series.items()},
        series_floor(record.usual),
        record.relative_to,
        record.ridge,
        record.penalty,
        record.fitted,
        record.sizes_bands,
    )


def check_sizes(floor: ForecastFloor, folder: Path, horizon: int, features: int) -> None:
    """Refuse a simple model of another horizon or other inputs than those of its run.

    Raises:
        UserError: with the name of the file.
    """
    fits = len(floor.ridge) == horizon and all(len(row) == features for row in floor.ridge)
    refuse_unless(fits, folder / FLOOR, f"{features} weights for each of {horizon} steps ahead")


def series_floor(record: SeriesFloorRecord) -> SeriesFloor:
    """The simple model of a series."""
    smoothing = [
        Smoothing(
            one.trend, one.season, one.correlated, tuple(one.parameters), one.steps, one.error
        )
        for one in record.smoothing
    ]
    return SeriesFloor(tuple(smoothing), tuple(record.parts))
