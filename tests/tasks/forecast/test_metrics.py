"""Metrics of forecasts against numbers worked by hand."""

import math

import numpy as np
import pytest

from unroll.tasks.forecast.metrics import (
    advantage,
    median_ratio,
    point_errors,
    quantile_errors,
    series_mae,
)


def test_point_errors_by_hand():
    truth = np.array([[2.0, np.nan], [0.0, -4.0]])
    forecast = np.array([[3.0, 9.0], [0.0, -2.0]])
    found = point_errors(forecast, truth, np.array([0.5, 2.0]))
    assert found["mae"] == pytest.approx((1 + 0 + 2) / 3)
    assert found["rmse"] == pytest.approx(math.sqrt((1 + 0 + 4) / 3))
    assert found["mase"] == pytest.approx((2 + 0 + 1) / 3)
    assert found["smape"] == pytest.approx((200 / 5 + 0 + 200 * 2 / 6) / 3)
    assert found["mape"] is None  # a truth is 0


def test_quantile_loss_and_coverage_by_hand():
    quantiles = np.array([[[0.0, 1.0, 4.0]], [[0.0, 1.0, 4.0]]])
    found = quantile_errors(quantiles, np.array([[2.0], [5.0]]), (0.1, 0.5, 0.9))
    # y = 2: 0.2, 0.5, 0.2; y = 5: 0.5, 2, 0.9
    assert found["quantile_loss"] == pytest.approx(2 * (0.2 + 0.5 + 0.2 + 0.5 + 2 + 0.9) / 6)
    assert found["coverage"] == 0.5 and found["expected_coverage"] == pytest.approx(0.8)


def test_medians_over_series_by_hand():
    truth = np.array([[1.0, 2.0], [3.0, np.nan], [0.0, 0.0], [np.nan, np.nan]])
    series = np.array([4, 4, 7, 9])
    own = series_mae(truth + 1, truth, series)
    other = series_mae(truth + np.array([[2.0], [5.0], [0.0], [1.0]]), truth, series)
    np.testing.assert_array_equal(own, [1, 1, np.nan])
    np.testing.assert_array_equal(other, [3, 0, np.nan])
    assert median_ratio(own, other) == pytest.approx(1 / 3)  # of the only one with both
    assert median_ratio(own, np.zeros(3)) is None


def test_an_advantage_is_told_from_chance(noise):
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(1000, 1))
    same = truth + draw.normal(size=truth.shape)
    other = truth + draw.normal(size=truth.shape)
    alike = advantage(same, other, truth)
    assert abs(alike["share"]) < alike["noise"] < 0.2
    better = advantage(truth + 0.5 * (same - truth), other, truth)
    assert better["share"] > better["noise"] and better["share"] == pytest.approx(0.5, abs=0.1)
