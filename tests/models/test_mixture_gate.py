"""The gate between network and n-grams: fitted where it pays, and the network alone before."""

import numpy as np
import pytest
import torch

from unroll.models.mixture_gate import ENOUGH, Evidence, MixtureGate


def evidence(size, better, seed=0):
    """Tokens that one of both predicts well; the other knows little. better: "network", "ngram", "seen"."""
    random = np.random.default_rng(seed)
    good, bad = random.uniform(0.5, 0.9, size), random.uniform(0.01, 0.1, size)
    seen = random.choice([0.2, 1.0], size)
    network = {"network": good, "ngram": bad, "seen": np.where(seen == 1, bad, good)}[better]
    ngram = good + bad - network
    return Evidence(np.log(network), np.ones(size), np.full(size, -0.5), ngram, seen)


def test_before_it_is_fitted_the_network_is_alone():
    tokens = evidence(50, "ngram")
    np.testing.assert_allclose(MixtureGate().log_mixture(tokens), tokens.network, rtol=1e-15)


@pytest.mark.parametrize("size", [ENOUGH // 10, ENOUGH * 2])
@pytest.mark.parametrize(("better", "low", "high"), [("network", 0.9, 1), ("ngram", 0, 0.1)])
def test_the_better_one_gets_the_probability(better, low, high, size):
    gate = MixtureGate()
    share = gate.fit(evidence(size, better))
    assert low <= share <= high
    further = evidence(500, better, seed=1)
    best = np.maximum(further.network, np.log(further.ngram))
    assert gate.log_mixture(further).mean() > best.mean() - 0.06


def test_where_the_history_is_known_the_ngrams_count_more():
    gate, tokens = MixtureGate(), evidence(ENOUGH * 2, "seen")
    gate.fit(tokens)
    share = gate.share(tokens.seen, tokens.entropy, tokens.top)
    assert share[tokens.seen == 1].max() < 0.2 and share[tokens.seen < 1].min() > 0.8


def test_few_tokens_fit_one_share_for_all():
    gate = MixtureGate()
    gate.fit(evidence(ENOUGH - 1, "seen"))
    assert not gate.weight.any() and torch.isfinite(gate.bias)
