"""What a person can set of a forecaster, and which files look like its data."""

from __future__ import annotations

import csv
import gzip
import re
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from unroll.data.columns import is_number
from unroll.settings.recurrent import RecurrentSettings

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
OWN = ("horizon", "time", "history", "covariates", "known", "by", "every")
DAY = r"\d{4}-\d{2}(-\d{2})?|\d{4}-?Q[1-4]|\d{1,2}[./]\d{1,2}[./]\d{4}"
DATE = re.compile(rf"\s*({DAY})([T ]\d{{2}}:\d{{2}}.*)?\s*")


class ForecastSettings(RecurrentSettings):
    """A recurrent forecaster and the table of values over time that it learns."""

    # the table
    time: str | None = Field(None, description="Column of the time; left out, the first of dates.")
    time_format: str | None = Field(
        None, description="How times are written, as %d/%m/%Y; left out, ISO or what fits alone."
    )
    target: str | None = Field(
        None, description="Column to forecast; left out, the only one of numbers."
    )
    by: str | None = Field(
        None, description="Column that says which series a row is of, where there are several."
    )
    covariates: str | None = Field(
        None,
        description="Further columns to read up to the present, with commas; all: every other one.",
    )
    known: str | None = Field(
        None, description="Columns whose future is known (prices, promotions), with commas."
    )
    calendar: bool = Field(
        True,
        description="Read the time of the day, the week and the year, as far as a whole one was seen.",
    )
    every: Literal[
        "auto", "row", "second", "minute", "hour", "day", "weekday", "week", "month", "quarter",
        "year",
    ] = Field(
        "auto",
        description="Time between rows; auto finds it; row: each row is a step, whenever it is.",
    )  # fmt: skip
    missing: Literal["refuse", "interpolate", "last"] = Field(
        "refuse",
        description="Missing values and times: refuse them, fill them on a straight line (as far "
        "as both ends are known at the time of the forecast), or with the last value.",
    )
    zero_is_missing: bool = Field(False, description="Read zeros as missing values.")
    valid: str | None = Field(
        None, description="A held-out table of later rows; left out, the last fifth of the times."
    )
    skip_bad: bool = Field(False, description="Leave bad rows and series out, count and tell them.")
    # the forecast
    horizon: int = Field(1, ge=1, description="Steps to forecast.")
    history: int | None = Field(
        None, ge=1, description="Steps that a forecast reads; left out, chosen from the season."
    )
    season: int | None = Field(
        None, ge=1, description="Steps of a season, for the seasonal baseline and MASE; 1: none."
    )
    head: Literal["direct", "recursive"] = Field(
        "direct",
        description="direct: all steps at once; recursive: one by one, each read back in.",
    )
    loss: Literal["mse", "mae", "gaussian", "student_t", "quantile"] | None = Field(
        None, description="What is learned; left out, quantile (mse with readout=ridge)."
    )
    quantiles: str = Field(
        "0.025,0.1,0.5,0.9,0.975",
        description="Quantiles of a forecast, with commas and 0.5 among them; the outermost two "
        "are the band.",
    )
    relative_to: Literal["auto", "last", "season", "mean"] = Field(
        "auto",
        description="What the network corrects: the last value, that of a season ago, or the mean; "
        "auto: the better one of last and season in training.",
    )
    transform: Literal["auto", "none", "log"] = Field(
        "auto",
        description="log: learn ratios instead of differences; auto asks which is the steadier.",
    )
    level: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="Whether levels are read beside changes; auto: those that come back to a mean.",
    )
    readout: Literal["gradient", "ridge"] = Field(
        "gradient", description="ridge: only a linear read-out is learned, in closed form."
    )

    @field_validator("quantiles")
    @classmethod
    def sound(cls, text: str) -> str:
        try:
            values = [float(part) for part in text.split(",")]
        except ValueError as error:
            raise ValueError("expected numbers with commas") from error
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
        if self.readout == "ridge" and self.head == "recursive":
            raise ValueError("readout=ridge has no recursive head; leave head out")
        if self.readout == "ridge" and self.loss not in (None, "mse"):
            raise ValueError(f"readout=ridge minimises squares, not loss={self.loss}")
        return self

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why this file looks like values over time, or None."""
        if not path.name.endswith(TABLES) or not path.is_file():
            return None
        asked = next((name for name in OWN if given.get(name) is not None), None)
        if asked is not None:
            return f"a table, and {asked} is given"
        try:
            if path.name.endswith(".gz"):
                with gzip.open(path, "rt", encoding="utf-8-sig") as packed:
                    head = list(islice(packed, 4))
            else:
                with path.open(encoding="utf-8-sig") as file:
                    head = list(islice(file, 4))
        except (OSError, UnicodeDecodeError, EOFError):
            return None
        if not head:
            return None
        names, *rows = csv.reader(head, delimiter=max("\t,;", key=head[0].count))
        if not rows or len(names) < 2 or any(len(row) != len(names) for row in rows):
            return None
        dated = [k for k, name in enumerate(names) if all(DATE.fullmatch(row[k]) for row in rows)]
        numbers = [k for k in range(len(names)) if all(is_number(row[k]) for row in rows)]
        wanted = given.get("target")
        if dated and wanted in names:  # whatever stands in it: what is wrong with it is said later
            return f"a table with times in its column {names[dated[0]]}, and target is given"
        if not dated or not numbers or wanted:
            return None
        if wanted is None and len(dated) + len(numbers) < len(names):
            return None
        return f"a table with times in its column {names[dated[0]]}"
