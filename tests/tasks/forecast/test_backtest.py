"""Backtests: no forecast sees the future, and steps of the training set are counted."""

import numpy as np
import pytest

import unroll
from unroll.tasks.forecast.backtest import backtest, forecast_quantiles
from unroll.tasks.forecast.inputs import read_input_table


@pytest.mark.parametrize("which", ["honest", "planted"])
def test_the_backtest_never_sees_the_future(place, which, write, noise, fast):
    """White noise cannot be forecast. A column that holds tomorrow's value shows the test would
    notice: with it the error falls to nothing."""
    y = noise(400)
    beside = y if which == "honest" else np.append(y[1:], 0.0)
    file = write(place / "noise.csv", {"y": y, "beside": beside})
    run = unroll.train(file, target="y", covariates="beside", readout="ridge", history=8, **fast)
    result = run.result()
    least = 0.9 * np.abs(y[320:]).mean()  # what to say zero every day costs
    if which == "honest":
        assert result["mae"] > least
    else:
        assert result["mae"] < 0.2 * least
    # and to the number: what follows an origin changes no forecast from it
    table = run.path / "later.csv"
    cut = 350
    y[cut:] = beside[cut:] = 77.0
    windows = read_input_table(file, run.preprocessor, run.settings).windows
    write(table, {"y": y, "beside": beside})
    planted = read_input_table(str(table), run.preprocessor, run.settings).windows
    origins = np.array([cut - 1])
    found = [
        forecast_quantiles(run.model, each, origins, run.device) for each in (windows, planted)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(("name", "begin"), [("later", 200), ("overlapping", 190)])
def test_a_later_table_is_evaluated_as_the_end_of_the_whole(walked, name, begin):
    files, run = walked
    asked = read_input_table(files["whole"], run.preprocessor, run.settings)
    origins = asked.windows.origins(begins=[begin])[:-1]
    expected = backtest(run.model, asked.windows, origins, run.settings, run.device)
    found = run.evaluate(files[name])
    assert len(origins) == 239 - begin and found["messages"][0].startswith(files[name])
    assert expected | {"messages": found["messages"]} == found


def test_forecasts_of_the_training_set_are_counted(walked):
    files, run = walked
    found = run.evaluate(files["early"])
    # the simple model is fitted again to all rows, once the figures are made
    assert found["seen"] == found["forecasts"] == 200 - 33
    assert any(
        "167 forecasts are of steps in the training set or the validation set" in s
        for s in run.summarise(found, "it")
    )
