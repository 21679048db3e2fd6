"""The network counts where it helps, and bands hold what they promise."""

import torch

from unroll.tasks.forecast.combination import Combination, Errors, recent_power

LEVELS = (0.025, 0.5, 0.975)


def errors(count, help=0.0, horizon=2, seed=0, scatter=None):
    """Windows whose truth the network's median explains by a part."""
    generator = torch.Generator().manual_seed(seed)
    own, noise = torch.randn(2, horizon, count, generator=generator)
    recent = torch.ones(count) if scatter is None else scatter
    bands = torch.stack([own - 1, own, own + 1], -1)
    return Errors(bands, help * own + noise * recent, torch.ones(horizon, count).bool(), recent)


def test_before_it_is_fitted_the_network_counts_fully():
    one = errors(10)
    assert Combination(2, LEVELS)(one.own, one.recent).equal(one.own)


def test_a_network_that_does_not_help_counts_nothing():
    combination = Combination(2, LEVELS)
    combination.fit(errors(300), None)
    assert combination.share.tolist() == [0, 0]
    found = combination(errors(5).own, torch.ones(5))
    assert (found.diff(dim=-1) >= 0).all() and (found[..., 1] == 0).all()


def test_a_network_that_helps_counts_as_much_as_it_helps():
    combination = Combination(2, LEVELS)
    combination.fit(errors(500, help=0.6), None)
    assert all(0.4 < share < 0.8 for share in combination.share.tolist())


def test_bands_hold_what_they_promise():
    combination, new = Combination(2, LEVELS), errors(4000, seed=9)
    combination.fit(errors(300), errors(300, seed=5))
    band = combination(new.own, new.recent)
    inside = (new.truth >= band[..., 0]) & (new.truth <= band[..., -1])
    assert 0.93 < float(inside.float().mean()) < 0.98


def test_bands_are_wide_where_recent_errors_are_large():
    scatter = torch.tensor([0.5, 2.0]).repeat(200)
    combination = Combination(1, LEVELS)
    combination.fit(errors(400, horizon=1, scatter=scatter), None)
    assert combination.powers[0] == 1
    few = combination(errors(2, horizon=1).own, torch.tensor([0.5, 2.0]))
    width = few[0, :, -1] - few[0, :, 0]
    assert float(width[1] / width[0]) > 3


def test_bands_follow_recent_errors_as_far_as_the_errors_tell():
    recent = torch.rand(1000) * 3 + 0.3
    for power in (0.0, 0.5, 1.0):
        one = errors(1000, scatter=recent**power)
        one = Errors(one.own, one.truth, one.known, recent)
        assert abs(recent_power([(one.truth, one)]) - power) < 0.2
    few = errors(8)  # recent errors are all alike: they tell nothing
    assert recent_power([(few.truth, few)]) == 0.75


def test_the_power_of_recent_errors_is_that_of_a_gamma_regression():
    from sklearn.linear_model import GammaRegressor

    recent = torch.rand(4000) + 0.5
    one = errors(4000, horizon=1, scatter=recent**0.6)
    one = Errors(one.own, one.truth, one.known, recent)
    fitted = GammaRegressor(alpha=0).fit(recent.log()[:, None], one.truth[0].abs())
    assert abs(recent_power([(one.truth, one)]) - fitted.coef_[0]) <= 0.0625 + 0.02


def test_few_errors_give_wide_bands():
    combination, new = Combination(1, LEVELS), errors(4000, horizon=1, seed=9)
    combination.fit(errors(20, horizon=1), None)
    band = combination(new.own, new.recent)
    inside = (new.truth >= band[..., 0]) & (new.truth <= band[..., -1])
    assert float(inside.float().mean()) > 0.85
