"""The three sets: series that are too short or constant are refused."""

import pytest

import unroll
from unroll.errors import UserError


@pytest.mark.parametrize(
    ("y", "settings", "sentence"),
    [
        ([3.0] * 100, {}, r"lines 2 to 101, is always 3 in the training set.*learn\.$"),
        (
            range(20),
            {"history": 30},
            r"has 20 steps, 14 of them in the training set; expected at least 32",
        ),
        (range(-50, 50), {"transform": "log"}, r"not above 0, which have no logarithm"),
        (range(60), {"horizon": 20, "history": 20}, r"in the training set; expected at least"),
    ],
)
def test_series_that_cannot_be_learned_are_refused(place, y, settings, sentence, write, fast):
    with pytest.raises(UserError, match=sentence):
        unroll.train(write(place / "a.csv", {"y": list(y)}), steps=2, **fast, **settings)


def test_a_short_series_leaves_windows_in_every_set(place, write, noise, fast):
    file = write(place / "a.csv", {"y": noise(72)})
    run = unroll.train(file, horizon=12, history=14, steps=2, **fast)
    # 72 steps: 70 % and 10 % would leave 7 steps for forecasts of 12
    assert run.result()["forecasts"] == 4
