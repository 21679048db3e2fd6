"""Predictions of a forecaster: the steps after the end of a series, as JSON and as text.

N origins, K horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NotRequired, TypedDict

import numpy as np

from unroll.tasks.forecast.inputs import ForecastInput
from unroll.tasks.forecast.settings import ForecastSettings

# the quantiles [N, K, Q] of the steps after origins [N], in the target's own unit
Quantify = Callable[[np.ndarray], np.ndarray]


class ForecastStep(TypedDict):
    """The forecast of one step.

    Attributes:
        time: when it comes.
        value: the median, in the unit of the target.
        low: the lower end of the band.
        high: the upper end of the band.
        quantiles: every quantile by its level, as text: "0.9".
    """

    time: str
    value: float
    low: float
    high: float
    quantiles: dict[str, float]


# "from" is a word of Python, so this one is not written as a class
ForecastPrediction = TypedDict(
    "ForecastPrediction",
    {
        "series": NotRequired[str],  # its name, where there are several
        "target": str,  # the column that is forecast
        "from": str,  # the time of the last known value
        "last": float,  # that value
        "band": float,  # the share of values that lie between low and high
        "forecast": list[ForecastStep],  # one for each step
        "messages": NotRequired[list[str]],  # what was filled, joined and skipped, of its table
    },
)


def predict_series(
    one: ForecastInput, settings: ForecastSettings, quantify: Quantify
) -> ForecastPrediction:
    """The forecast from the last known value of a series.

    Args:
        one: the series.
        settings: the levels of the quantiles.
        quantify: gives the quantiles of the series' windows.
    """
    windows, origin = one.windows, one.origin
    steps: list[ForecastStep] = []
    for k, quantiles in enumerate(quantify(np.array([origin]))[0]):
        by_level = dict(zip(map(str, settings.levels), map(float, quantiles), strict=True))
        steps.append(
            {
                "time": windows.format_time(origin + 1 + k),
                "value": by_level["0.5"],
                "low": float(quantiles[0]),
                "high": float(quantiles[-1]),
                "quantiles": by_level,
            }
        )
    prediction: ForecastPrediction = {
        "target": windows.preprocessor.target,
        "from": windows.format_time(origin),
        "last": float(windows.filled[origin]),
        "band": settings.levels[-1] - settings.levels[0],
        "forecast": steps,
    }
    if name := windows.table.series[one.series].name:
        prediction = {"series": name, **prediction}
    if one.messages:
        prediction["messages"] = list(one.messages)
    return prediction


def format_rows(prediction: ForecastPrediction) -> str:
    """One row per time step, with tabs between: series (where there are several), time, forecast,
    low, high. Messages come before the rows, each after a #."""
    first = [prediction["series"]] if "series" in prediction else []
    rows = [
        "\t".join(
            [
                *first,
                step["time"],
                *(f"{x:.6g}" for x in (step["value"], step["low"], step["high"])),
            ]
        )
        for step in prediction["forecast"]
    ]
    return "\n".join([*(f"# {message}" for message in prediction.get("messages", [])), *rows])
