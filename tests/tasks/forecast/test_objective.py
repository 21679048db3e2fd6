"""The objective: a read-out in closed form."""

import numpy as np
import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.tasks.forecast.objective import ForecastObjective
from unroll.tasks.forecast.reader import read_forecast_data


def test_a_reservoir_is_read_out_in_closed_form(place, write, fast):
    y = (np.sin(0.4 * np.arange(300)) * np.sin(0.11 * np.arange(300))).round(6)
    run = unroll.train(
        write(place / "a.csv", {"y": y}), readout="ridge", cell="echo_state", horizon=3, history=30,
        **{**fast, "hidden": 60, "backend": "loop"},
    )  # fmt: skip
    assert run.settings.loss == "mse" and run.result()["steps"] == 1
    assert run.result()["advantage"]["naive"]["share"] > 0.7
    with pytest.raises(UserError, match="no recursive head"):
        unroll.train(place / "a.csv", readout="ridge", head="recursive", quiet=True)


def test_every_row_is_learned_from_in_the_end(place, write, noise, fast):
    file = write(place / "a.csv", {"y": noise(200)})
    run = unroll.train(file, horizon=2, history=12, steps=2, **fast)
    data = read_forecast_data(file, run.settings)
    before = ForecastObjective(run.model, data, run.settings, run.device)
    after = before.with_validation_set()
    last = [int(one.train.origins.max()) for one in (before, after)]
    assert last == [140 - 3, 200 - 3] and after.network is before.network
    with torch.no_grad():
        assert after.evaluate()["loss"] > 0
