"""Exponential smoothing: its errors and weights are those of its recursion."""

import numpy as np
import pytest

from unroll.tasks.forecast.smoothing import (
    SmoothingForm,
    fit_smoothing,
    smoothing_weights,
    squared_errors,
)

DAMPED = SmoothingForm("damped", 4, True)
PARAMETERS = np.array([0.4, 0.3, 0.2, 0.9, 0.3])


def smoothed(y, before, horizon=1):
    """Forecasts after y, and its errors one step ahead, by the recursion written out."""
    alpha, beta, gamma, phi, rho = PARAMETERS
    level, trend, *seasons, error = before
    errors = []
    for value in y:
        e = value - (level + phi * trend + seasons[-1] + rho * error)
        errors.append(e)
        level, trend = level + phi * trend + alpha * e, phi * trend + alpha * beta * e
        seasons = [seasons[-1] + (1 - alpha) * gamma * e, *seasons[:-1]]
        error = rho * error + e
    ahead = []
    for _ in range(horizon):
        level, trend, error = level + phi * trend, phi * trend, rho * error
        seasons = [seasons[-1], *seasons[:-1]]
        ahead.append(level + seasons[0] + error)
    return np.array(ahead), np.array(errors)


def test_weights_are_those_of_the_recursion_from_the_best_first_state(noise):
    y = 5 + np.tile([1.0, -2, 0, 1], 10) + noise(40)
    # errors are linear in the state before: least squares gives the best one
    zero = smoothed(y, np.zeros(7))[1]
    rows = np.array([zero - smoothed(y, one)[1] for one in np.eye(7)]).T
    best = np.linalg.lstsq(rows, zero, rcond=None)[0]
    expected, errors = smoothed(y, best, 6)
    weights = smoothing_weights(DAMPED, PARAMETERS, 40, 6, 5)
    np.testing.assert_allclose(weights.forecast @ y, expected, atol=1e-3)
    np.testing.assert_allclose(weights.errors @ y, errors[-5:], atol=1e-3)
    found = squared_errors(DAMPED, PARAMETERS[None], y[None], np.zeros(1, np.int64))
    assert found[0] == pytest.approx((errors**2).mean(), rel=1e-3)


def test_a_series_that_begins_later_has_the_errors_that_it_has_alone(noise):
    y = noise(40).cumsum()
    short = np.stack([y, np.where(np.arange(40) < 15, 0, y)])
    both = squared_errors(DAMPED, np.stack([PARAMETERS] * 2), short, np.array([0, 15]))
    alone = squared_errors(DAMPED, PARAMETERS[None], y[None, 15:], np.zeros(1, np.int64))
    assert both[1] == pytest.approx(alone[0], rel=1e-3)


def test_the_parameters_of_a_series_are_found_again(noise):
    errors, level, y = noise(800), 0.0, []
    for e in errors:
        y.append(level + e)
        level += 0.3 * e
    level_only = SmoothingForm("none", 1, False)
    starts = np.zeros(2, np.int64)
    found = fit_smoothing(level_only, np.array([y, y]), starts, shared=False)
    np.testing.assert_allclose(found[:, 0], 0.3, atol=0.07)
    together = fit_smoothing(level_only, np.array([y, y]), starts, shared=True)
    np.testing.assert_allclose(together, found, atol=1e-3)


def test_forecasts_are_those_of_statsmodels(noise):
    models = pytest.importorskip("statsmodels.tsa.holtwinters")
    y = 10 + np.tile([1.0, -2, 0, 1], 30) + 0.1 * np.arange(120) + noise(120)
    other = models.ExponentialSmoothing(
        y, trend="add", seasonal="add", seasonal_periods=4, initialization_method="estimated"
    ).fit()
    form = SmoothingForm("linear", 4, False)
    own = fit_smoothing(form, y[None], np.zeros(1, np.int64), shared=False)[0]
    forecast = smoothing_weights(form, own, 120, 4, 1).forecast @ y
    np.testing.assert_allclose(forecast, other.forecast(4), atol=0.3)
