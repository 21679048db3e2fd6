"""The simple model: naive parts by hand, and windows that read no further than the origin."""

import numpy as np

from unroll.tasks.forecast.floor import (
    Smoothing,
    by_smoothing,
    naive_parts,
    steps_read,
    window_lengths,
)
from unroll.tasks.forecast.windows import ForecastWindows

MEAN = Smoothing("none", 1, False, (0.001, 0.0, 0.0, 1.0, 0.0), 40, 1.0)


def test_naive_parts_by_hand(table_of, learned):
    y = np.tile([1.0, 5, 3], 20) + np.arange(60) / 3
    table = table_of(y)
    windows = ForecastWindows(table, learned(table, 60), 6, 4)
    found = naive_parts(windows, np.array([50]))
    last = windows.unscaled(found["last"], np.array([50]))
    np.testing.assert_allclose(last[0], y[50])
    # a season and a straight line go on as they are
    season = windows.unscaled(found["season"], np.array([50]))
    np.testing.assert_allclose(season[0], y[51:55])


def test_smoothing_reads_up_to_the_origin_and_all_that_there_is(table_of, learned, noise):
    y = noise(60)
    table = table_of(y)
    windows = ForecastWindows(table, learned(table, 60), 6, 1)
    lengths = {
        at: steps for steps, rows in window_lengths(windows, np.arange(6, 59), 40) for at in rows
    }
    assert lengths[0] == 7 and lengths[52] == 40
    assert all(steps <= at + 7 for at, steps in lengths.items())
    # with the smallest alpha it is the mean of what it reads
    at = np.array([50])
    found = windows.unscaled(by_smoothing(windows, at, MEAN).values, at)
    assert abs(found[0, 0] - y[11:51].mean()) < 0.03


def test_more_steps_are_read_where_seasons_are_longer():
    assert steps_read(32, 12) == (33, 60, 144)
    assert steps_read(32, 1) == (33, 48, 100)
    assert steps_read(400, 12) == (401,)
