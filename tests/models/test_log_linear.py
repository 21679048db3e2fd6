"""Shares of scores equal a logistic regression's; few records stay near what is expected."""

import numpy as np
import pytest

from unroll.models.log_linear import combine_scores, fit_log_linear, scores_to_probabilities


@pytest.fixture
def scored():
    """Scores of two models for 400 records of two classes: one knows more than the other."""
    draw = np.random.default_rng(0)
    y = draw.integers(2, size=400)
    known = np.where(y == 1, 1.0, -1.0) + draw.normal(size=400) * 2
    noise = np.where(y == 1, 0.3, -0.3) + draw.normal(size=400)
    scores = np.stack([np.stack([-z, z], 1) for z in (known, noise)], 1)
    return scores, y


def test_shares_equal_a_logistic_regression(scored):
    linear_model = pytest.importorskip("sklearn.linear_model")
    scores, y = scored
    found = fit_log_linear(scores, y, [0.2, 0.0], spread=1e6)
    theirs = linear_model.LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
    theirs.fit(scores[:, :, 1] - scores[:, :, 0], y)
    np.testing.assert_allclose(found, theirs.coef_[0].clip(min=0), atol=5e-3)


def test_several_classes_are_as_many_logistic_regressions(scored):
    scores, y = scored
    several = np.stack([y == 0, y == 1], 1)
    found = fit_log_linear(scores, several, [1.0, 0.0])
    # two independent sigmoids of -z and z: half the slope of a softmax over both is enough
    assert found[0] == pytest.approx(2 * fit_log_linear(scores, y, [1.0, 0.0])[0], rel=0.1)


def test_few_records_stay_near_what_is_expected(scored):
    scores, y = scored
    assert fit_log_linear(scores[:0], y[:0], [0.0, 1.0]).tolist() == [0.0, 1.0]
    few = fit_log_linear(scores[:3], y[:3], [0.0, 1.0], spread=0.01)
    np.testing.assert_allclose(few, [0.0, 1.0], atol=0.05)
    assert (fit_log_linear(-scores, y, [0.0, 1.0]) >= 0).all()


def test_probabilities():
    scores = combine_scores(np.array([[[1.0, 0.0], [0.0, 3.0]]]), np.array([2.0, 0.5]))
    assert scores.tolist() == [[2.0, 1.5]]
    p = scores_to_probabilities(scores, False)
    assert p.sum() == pytest.approx(1) and p[0, 0] == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert scores_to_probabilities(scores, True)[0, 0] == pytest.approx(1 / (1 + np.exp(-2)))
