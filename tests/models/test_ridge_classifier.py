"""Ridge regression of classes, beside scikit-learn's."""

import numpy as np
import pytest

from unroll.models.ridge_classifier import RidgeClassifier, solve_ridge


def test_ridge_of_many_rows_is_near_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    draw = np.random.default_rng(0)
    X = draw.normal(size=(2500, 10))
    X -= X.mean(0)
    Y = X[:, :2] + draw.normal(size=(2500, 2))
    weights, bias = solve_ridge(X, Y)
    expected = linear_model.Ridge(10.0).fit(X, Y)
    np.testing.assert_allclose(weights, expected.coef_.T, atol=0.05)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-3)


def test_the_scores_of_a_row_do_not_depend_on_the_others():
    draw = np.random.default_rng(0)
    X, targets = draw.normal(size=(30, 4)).astype(np.float32), np.arange(30) % 3
    fitted = RidgeClassifier.fit(X, targets, 3)
    together = fitted.scores(X)
    alone = np.concatenate([fitted.scores(X[k : k + 1]) for k in range(30)])
    np.testing.assert_allclose(alone, together, rtol=1e-12)  # products round by their shape
    again = RidgeClassifier.from_arrays(fitted.arrays(), 4, 3)
    assert np.array_equal(again.scores(X), together)
    with pytest.raises(ValueError, match="expected weights"):
        RidgeClassifier.from_arrays(fitted.arrays(), 4, 2)


def test_many_features_are_fitted_on_an_even_sample_of_the_rows(monkeypatch):
    draw = np.random.default_rng(0)
    X, targets = draw.normal(size=(100, 6)), draw.integers(0, 3, 100)
    monkeypatch.setattr("unroll.models.ridge_classifier.FEW_ROWS", 34)
    expected = RidgeClassifier.fit(X[::3], targets[::3], 3).scores(X)
    assert not np.array_equal(RidgeClassifier.fit(X, targets, 3).scores(X), expected)
    monkeypatch.setattr("unroll.models.ridge_classifier.MOST_FEATURES", 5)
    assert np.array_equal(RidgeClassifier.fit(X, targets, 3).scores(X), expected)
