"""The parts of a simple model are chosen by errors on windows that they were not fitted to."""

import numpy as np
import pytest

from unroll.tasks.forecast.floor import SeriesFloor
from unroll.tasks.forecast.floor_fit import fit_floor, most_common, refit_floor, series_fitted
from unroll.tasks.forecast.windows import ForecastWindows


def fitted(table_of, learned, y, season=1, other=None, **options):
    table = table_of(y, other)
    preprocessor = learned(table, int(0.7 * len(y)), season=season, **options)
    windows = ForecastWindows(table, preprocessor, 12, 2)
    found = fit_floor(windows, [int(0.7 * len(y))], [int(0.8 * len(y))], "last")
    origins = windows.origins(begins=[int(0.8 * len(y))])
    forecasts = windows.unscaled(found.floor.forecast(windows, origins).values, origins)
    truth = windows.values[origins[:, None] + np.arange(1, 3)]
    return found, windows, float(np.abs(forecasts - truth).mean())


def test_an_autoregression_is_found(table_of, learned, noise):
    y = [0.0, 0.0]
    for e in noise(400):
        y.append(1.6 * y[-1] - 0.9 * y[-2] + e)
    found, _, error = fitted(table_of, learned, np.array(y))
    # the best forecasts: errors of one step, and of two
    best = np.sqrt(2 / np.pi) * (1 + np.sqrt(1 + 1.6**2)) / 2
    assert "ridge" in found.floor.of("").parts and error < 1.15 * best
    assert found.cut == [int(0.6 * int(0.7 * 402))]


def test_a_season_in_noise_is_found(table_of, learned, noise):
    season = np.tile([4.0, 0, -4, 2], 60)
    found, windows, error = fitted(table_of, learned, season + noise(240), season=4)
    assert error < 1.1 * np.abs(noise(240)[192:]).mean()
    again = refit_floor(found.floor, windows, [240])
    assert again.of("").parts == found.floor.of("").parts and again.ridge != found.floor.ridge


def test_a_random_walk_is_left_as_it_is(table_of, learned, noise):
    _, _, error = fitted(table_of, learned, noise(400).cumsum())
    assert error == pytest.approx(np.sqrt(2 / np.pi) * (1 + np.sqrt(2)) / 2, rel=0.2)


def test_without_windows_free_of_gaps_the_regression_is_its_base(table_of, learned, noise):
    y = 5 + noise(200)
    y[1:150:2] = np.nan
    table = table_of(y, missing="last")
    windows = ForecastWindows(table, learned(table, 140, season=1), 12, 2)
    floor = fit_floor(windows, [140], [160], "last").floor
    origins = windows.origins(begins=[160])
    assert not np.any(floor.ridge) and np.isfinite(floor.forecast(windows, origins).values).all()
    by_ridge = floor.by_ridge(windows, origins)
    np.testing.assert_array_equal(by_ridge, windows.naive_base(origins, "last"))


def test_many_series_share_their_most_common_model():
    one, two = (SeriesFloor((), (name,)) for name in ("last", "ridge"))
    again = SeriesFloor((), ("ridge",))
    assert most_common([one, two, again]) == two and most_common([one, two]) == one


def test_few_seconds_fit_smoothing_to_few_series():
    assert [series_fitted(seconds) for seconds in (None, 1, 40, 1000)] == [24, 3, 10, 24]


def test_too_few_windows_to_choose_by_leave_smoothing(table_of, learned, noise):
    cycle = np.sin(0.8 * np.arange(120)) + 0.01 * noise(120)
    enough, *_ = fitted(table_of, learned, cycle)
    assert "ridge" in enough.floor.of("").parts
    few, *_ = fitted(table_of, learned, cycle[:64])
    assert few.floor.of("").parts == ("smoothing",)
