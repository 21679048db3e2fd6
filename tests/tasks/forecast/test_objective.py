"""The objective: a read-out in closed form."""

import numpy as np
import pytest

import unroll
from unroll.errors import UserError


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
