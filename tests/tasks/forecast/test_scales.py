"""Scales: of the training set alone; ratios and levels are chosen by tests."""

import numpy as np

from unroll.tasks.forecast.scales import ratios_fit_better, reverts_to_mean


def test_scales_are_those_of_the_training_set(walk, table_of, learned):
    before = learned(table_of(walk), 40).scales
    walk[40:] = 1e6
    assert learned(table_of(walk), 40).scales == before


def test_ratios_are_chosen_where_they_are_closer_to_normal(walk):
    assert not ratios_fit_better([12 + np.abs(walk)])
    assert ratios_fit_better([np.exp(0.2 * walk)])


def test_a_level_that_returns_to_its_mean_is_recognised():
    draw = np.random.default_rng(0).normal(size=500)
    back = np.zeros(500)
    for t in range(1, 500):
        back[t] = 0.8 * back[t - 1] + draw[t]
    assert reverts_to_mean([back]) and not reverts_to_mean([np.cumsum(draw)])
