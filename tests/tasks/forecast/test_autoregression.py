"""Ridge autoregression: its weights are those of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from unroll.tasks.forecast.autoregression import (
    Features,
    apply_ridge,
    feature_count,
    features_of,
    fit_ridge,
)
from unroll.tasks.forecast.windows import ForecastWindows


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_weights_are_those_of_scikit_learn(noise, penalty):
    features = Features(noise(600).reshape(100, 6), noise(400, 1).reshape(100, 2, 2))
    targets = noise(200, 2).reshape(100, 2)
    weights = fit_ridge(features, targets, (penalty, 9.0))[0]
    found = apply_ridge(weights, features)
    for step in range(2):
        x = np.concatenate([features.past, features.ahead[:, step]], 1)
        other = Ridge(alpha=100 * penalty).fit(x, targets[:, step])
        np.testing.assert_allclose(found[:, step], other.predict(x), atol=1e-6)


def test_no_windows_give_no_weights():
    features = Features(np.zeros((0, 6)), np.zeros((0, 2, 2)))
    for weights in fit_ridge(features, np.zeros((0, 2)), (1e-4, 9.0)):
        np.testing.assert_array_equal(weights, np.zeros((2, 9)))


def test_features_end_at_the_origin_but_for_what_is_known_ahead(table_of, learned, noise):
    y = noise(60)
    table = table_of(y, noise(60, 1))
    preprocessor = learned(table, 40)
    origins = np.array([20, 21])
    found = features_of(ForecastWindows(table, preprocessor, 10, 2), origins)
    p = preprocessor
    count = feature_count(10, p.inputs, p.level_count, p.known, p.turn_count)
    assert found.of_step(0).shape == (2, count)
    y[21:] = 99.0
    later = features_of(ForecastWindows(table_of(y), preprocessor, 10, 2), origins[:1])
    np.testing.assert_array_equal(later.past[0, :10], found.past[0, :10])
