"""Discounts that are fitted: the gradient is one, and further text is predicted better."""

import numpy as np
import pytest

from unroll.models.discounts import fit_discounts, fit_on, levels_of, nats_and_gradient
from unroll.models.gram_counts import GramCounts
from unroll.models.kneser_ney import KneserNey


def text(size, seed, V=12):
    """A sequence whose kind changes slowly, so that counts of its start promise too much."""
    random = np.random.default_rng(seed)
    ids = np.zeros(size, dtype=np.int64)
    for i in range(1, size):
        other = (3 * ids[i - 1] + int(random.integers(3)) + (i > size // 3)) % V
        ids[i] = other if random.random() < 0.8 else random.integers(V)
    return ids


def test_the_gradient_is_that_of_the_nats():
    ids = text(900, 0)
    model = KneserNey.fit(ids[:600], 12, 3)
    levels = levels_of(model, ids[600:])
    nats, gradient = nats_and_gradient(levels, model.discounts, 12)
    assert nats == pytest.approx(-model.log_probabilities(ids[600:]).mean(), rel=1e-12)
    for place in [(0, 2), (1, 0), (2, 0), (2, 1)]:
        moved = model.discounts.copy()
        moved[place] += 1e-6
        slope = (nats_and_gradient(levels, moved, 12)[0] - nats) / 1e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-5)


def test_fitted_discounts_and_order_predict_further_text_better():
    ids = text(6000, 1)
    grams = GramCounts.of(ids[:3000], 12, 4)
    found = fit_on(grams, ids[3000:4500])
    usual = [KneserNey.of_counts(grams, n) for n in range(1, 5)]
    further = ids[4500:]
    assert -found.log_probabilities(further).mean() < min(
        -model.log_probabilities(further).mean() for model in usual
    )


def test_a_validation_set_of_a_few_tokens_changes_little():
    ids = text(600, 2)
    grams = GramCounts.of(ids, 12, 3)
    fitted, _ = fit_discounts(grams, 2, text(6, 3))
    usual = KneserNey.of_counts(grams, 2).discounts
    assert np.abs(fitted.discounts - usual).max() < 0.3
    assert fit_on(grams, ids[:1]).order == 3
