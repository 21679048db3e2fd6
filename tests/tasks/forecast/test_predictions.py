"""Predictions: one row per time step, and the same as JSON."""

import json

import numpy as np

from unroll.tasks.forecast.inputs import ForecastInput
from unroll.tasks.forecast.predictions import format_rows, predict_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import ForecastWindows


def test_a_forecast_begins_after_the_last_known_value(walk, table_of, learned):
    table = table_of(walk)
    windows = ForecastWindows(table, learned(table, 40), history=5, horizon=2)
    settings = ForecastSettings(horizon=2, quantiles="0.1,0.5,0.9")
    one = ForecastInput(windows, 0, int(windows.ends[0]) - 1, ("1 value is missing.",))
    quantiles = np.array([[[1.0, 2.0, 3.0], [1.5, 2.5, 3.5]]])
    prediction = predict_series(one, settings, lambda origins: quantiles)
    assert json.loads(json.dumps(prediction)) == prediction
    assert prediction["from"] == "2024-02-29" and prediction["last"] == walk[-1]
    assert prediction["band"] == 0.8 and "series" not in prediction
    step = prediction["forecast"][1]
    assert step["time"] == "2024-03-02" and step["quantiles"] == {
        "0.1": 1.5,
        "0.5": 2.5,
        "0.9": 3.5,
    }
    assert format_rows(prediction).splitlines() == [
        "# 1 value is missing.", "2024-03-01\t2\t1\t3", "2024-03-02\t2.5\t1.5\t3.5",
    ]  # fmt: skip
    assert format_rows({**prediction, "series": "A"}).splitlines()[1].startswith("A\t2024-03-01\t2")
