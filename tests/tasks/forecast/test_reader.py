"""A test table of its own: its history comes from the rows before it, where it follows them."""

from pathlib import Path

import numpy as np

import unroll
from unroll.tasks.forecast.inputs import read_input_table
from unroll.tasks.forecast.reader import read_forecast_data


def test_a_test_table_of_its_own(place, write, fast):
    y = (5 + np.sin(0.9 * np.arange(200))).round(4)
    later = write(place / "later.csv", {"y": y[:60]}, start="2025-01-01")
    run = unroll.train(
        write(place / "a.csv", {"y": y}), valid=later, history=8, steps=5, refit=False, **fast
    )
    assert run.result()["forecasts"] == 60 - 9 and run.result()["validation_set"] == later
    found = run.evaluate(later)
    assert "The first 9 steps of" in found.pop("messages")[0]
    assert run.result() | found == run.result()


def test_a_later_table_is_read_after_the_rows_before_it(place, write, noise, fast):
    y, kinds = np.cumsum(noise(240)).round(4), ["wet", "dry", "fog"] * 80
    early = write(place / "early.csv", {"y": y[:200], "kind": kinds[:200]})
    later = write(place / "later.csv", {"y": y[200:], "kind": kinds[200:]}, start="2024-07-19")
    options = {"covariates": "kind", "history": 32, "steps": 2, "refit": False, **fast}
    run = unroll.train(early, valid=later, **options)
    # a forecast of every later row; alone the table would give 40 - 33 of them
    assert run.result()["forecasts"] == 40
    data = read_forecast_data(early, run.settings)
    windows, origins = data.window_sets(run.settings).test
    assert "later.csv continues" in data.messages[0]
    # as in one table
    whole = write(place / "whole.csv", {"y": y, "kind": kinds})
    alone = read_input_table(whole, run.preprocessor, run.settings).windows
    for part, other in zip(
        (windows.batch(origins).x, windows.batch(origins).y),
        (alone.batch(origins).x, alone.batch(origins).y),
        strict=True,
    ):
        assert part.equal(other)
    # the run folder holds what it needs of the earlier rows
    Path(early).unlink()
    found = unroll.load(run.path).evaluate(later)
    assert "the run's data, which ends" in found.pop("messages")[0]
    assert run.result() | found == run.result()


def test_a_later_table_that_does_not_follow_stands_alone(place, write, noise, fast):
    y = np.cumsum(noise(240)).round(4)
    early = write(place / "early.csv", {"y": y[:150]})
    later = write(place / "later.csv", {"y": y[150:]}, start="2025-07-19")
    run = unroll.train(early, valid=later, history=32, steps=2, **fast)
    assert run.result()["forecasts"] == 90 - 33
