"""The settings of a forecaster, and which files look like its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from unroll.data.files.forms import suffix_of
from unroll.data.files.media_paths import SOUNDS, column_of_paths
from unroll.data.first_rows import first_rows, is_table
from unroll.errors import UserError
from unroll.settings.recurrent import RecurrentSettings
from unroll.settings.shared import Readout
from unroll.tasks.forecast.number_forms import MISSING, is_written_number
from unroll.tasks.forecast.time_names import time_columns_among

LOOK = 3  # rows that tell which columns are times and numbers
# settings that only a forecast has
OWN = ("horizon", "time", "history", "covariates", "known", "by", "every")


class ForecastSettings(RecurrentSettings):
    """Settings of a recurrent forecaster and of the table of values over time that it reads."""

    flags: ClassVar[dict[str, str]] = {
        "time": "COLUMN",
        "target": "COLUMN",
        "by": "COLUMN",
        "covariates": "COLUMNS",
        "valid": "FILE",
        "skip_bad": "",
        "horizon": "",
        "history": "",
        "level": "",
        "readout": "",
    }

    # the table
    time: str | None = Field(
        None,
        description="Column of the times, or of date and clock, year and month, separated by "
        "commas. Default: the first column of dates.",
    )
    time_format: str | None = Field(
        None,
        description="How times are written: directives such as %d/%m/%Y, or epoch, epoch_ms, "
        "iso, number. Default: the only form that fits.",
    )
    decimal: str = Field(
        "auto",
        description="Decimal mark of numbers: point or comma. auto: the one that the numbers of the "
        "table tell.",
    )
    thousands: str = Field(
        "auto",
        description="Mark between thousands: point, comma, space, apostrophe or none. auto: any but "
        "the decimal mark.",
    )
    target: str | None = Field(
        None, description="Column to forecast. Default: the only column of numbers."
    )
    by: str | None = Field(
        None,
        description="Column that names the series of each row, if the table holds several series.",
    )
    covariates: str | None = Field(
        None,
        description="Other columns that the model reads up to the present, separated by "
        "commas. all: every other column.",
    )
    known: str | None = Field(
        None,
        description="Columns whose future values are known (prices, promotions), separated by "
        "commas.",
    )
    calendar: bool = Field(
        True,
        description="Read the time of the day, week and year, each if the training set spans "
        "at least a whole one.",
    )
    every: Literal[
        "auto", "row", "second", "minute", "hour", "day", "weekday", "week", "month", "quarter",
        "year",
    ] = Field(
        "auto",
        description="Time between rows. auto: found from the times; row: each row is a step, "
        "whatever its time.",
    )  # fmt: skip
    missing: Literal["refuse", "interpolate", "last"] = Field(
        "refuse",
        description="What happens to missing values and times. refuse: they are an error; "
        "interpolate: they are filled on a straight line, if both ends are known at the time "
        "of the forecast; last: they are filled with the last value.",
    )
    zero_is_missing: bool = Field(False, description="Read zeros as missing values.")
    valid: str | None = Field(
        None,
        description="Table of later rows for the test set. Default: the last fifth of the times.",
    )
    skip_bad: bool = Field(
        False,
        description="Skip bad rows and series; they are counted and reported.",
    )
    # the forecast
    horizon: int = Field(1, ge=1, description="Number of steps to forecast.")
    history: int | None = Field(
        None,
        ge=1,
        description="Number of steps that a forecast reads. Default: chosen from the season.",
    )
    season: int | None = Field(
        None,
        ge=1,
        description="Number of steps of a season, for the seasonal baseline and MASE. 1: no "
        "season. Default: the usual season of the time between rows.",
    )
    head: Literal["direct", "recursive"] = Field(
        "direct",
        description="direct: all steps are forecast at once; recursive: each step is forecast "
        "from the forecast before it.",
    )
    loss: Literal["mse", "mae", "gaussian", "student_t", "quantile"] | None = Field(
        None, description="The loss to minimise. Default: quantile; with readout=ridge mse."
    )
    quantiles: str = Field(
        "0.025,0.1,0.5,0.9,0.975",
        description="Quantiles of a forecast, separated by commas, with 0.5 among them; the "
        "band lies between the outermost two.",
    )
    relative_to: Literal["auto", "last", "season", "mean"] = Field(
        "auto",
        description="What forecasts are relative to. last: the last value; season: the value "
        "one season before; mean: the mean; auto: the better of last and season on the "
        "training set.",
    )
    transform: Literal["auto", "none", "log"] = Field(
        "auto",
        description="log: ratios are learned instead of differences. auto: whichever is closer "
        "to a normal distribution.",
    )
    level: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="Whether the model reads levels as well as changes. auto: yes if the "
        "levels return to a mean.",
    )
    readout: Readout = "gradient"

    @field_validator("quantiles")
    @classmethod
    def quantiles_are_rising(cls, text: str) -> str:
        """Refuse quantiles that are not numbers between 0 and 1, rising, around 0.5.

        Raises:
            ValueError: where they are not.
        """
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError as error:
            raise ValueError("expected numbers separated by commas") from error
        if sorted(set(values)) != values or 0.5 not in values or not 0 < values[0] < values[-1] < 1:
            raise ValueError("expected rising numbers between 0 and 1, with 0.5 among them")
        if not values[0] < 0.5 < values[-1]:
            raise ValueError("expected quantiles below and above 0.5")
        return text

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles as numbers."""
        return tuple(float(part) for part in self.quantiles.split(","))

    @model_validator(mode="after")
    def ridge_is_linear(self) -> Self:
        """Refuse a recursive head or another loss for a read-out in closed form.

        Raises:
            ValueError: where a ridge read-out has a recursive head, or a loss other than mse.
        """
        if self.readout == "ridge" and self.head == "recursive":
            raise ValueError(
                "readout=ridge has no recursive head; expected no head, or head=direct"
            )
        if self.readout == "ridge" and self.loss not in (None, "mse"):
            raise ValueError(
                f"readout=ridge minimises squared errors, not loss={self.loss}; expected no loss, or "
                "loss=mse"
            )
        return self

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why a file looks like values over time, or None.

        Args:
            path: the file.
            given: the settings that were given, by name.
        """
        if not is_table(path):
            return None
        asked = next((name for name in OWN if given.get(name) is not None), None)
        if asked not in (None, "by"):
            return f"a table, and {asked} is given"
        try:
            if asked == "by":  # also the speaker of a sound, in other tables
                sounds = column_of_paths(*first_rows(path), SOUNDS)
                return None if sounds is not None else "a table, and by is given"
            names, dated, numbers = kinds_of_columns(*first_rows(path))
        except UserError:
            return None
        wanted = given.get("target")
        # a .csv holds no pairs of texts, the other data with a target: its errors are reported later
        if dated and wanted and (wanted in names or suffix_of(path) == ".csv"):
            return f"a table with times in its column {dated[0]}, and target is given"
        if wanted in numbers:
            return "a table of numbers, and target is given"
        if wanted:
            return None
        return cls.guess_rows(*first_rows(path), path)

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like values over time by its rows; as for every task."""
        columns, dated, numbers = kinds_of_columns(rows, names)
        if not dated or not {*numbers} - {*dated} or len({*dated, *numbers}) < len(columns):
            return None
        return f"a table with times in its column {dated[0]}"


def kinds_of_columns(
    rows: Sequence[Sequence[str]], names: Sequence[str] | None
) -> tuple[list[str], list[str], list[str]]:
    """The columns of a table, those of times, and those of numbers, by its first rows.

    Args:
        rows: the first rows.
        names: of the columns. None: they are in the first row.
    """
    head = [[cell.strip() for cell in row] for row in rows[: LOOK + 1]]
    if names is None and head:
        names, *head = head
    columns = [name or f"column {k}" for k, name in enumerate(names or (), 1)]
    if not head or len(columns) < 2 or any(len(row) != len(columns) for row in head):
        return columns, [], []
    known = {
        name: [row[k] for row in head if row[k].lower() not in MISSING]
        for k, name in enumerate(columns)
    }
    numbers = [name for name, cells in known.items() if all(map(is_written_number, cells))]
    return columns, time_columns_among(known), numbers
