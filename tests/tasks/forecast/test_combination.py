"""The network counts where it helps, and bands hold what they promise."""

from dataclasses import replace

import torch

from unroll.tasks.forecast.combination import Combination, Errors, recent_power, sizes_of

LEVELS = (0.025, 0.5, 0.975)


def errors(count, help=0.0, horizon=2, seed=0, scatter=None):
    """Windows whose truth the network's median explains by a part."""
    generator = torch.Generator().manual_seed(seed)
    own, noise = torch.randn(2, horizon, count, generator=generator)
    recent = torch.ones(count) if scatter is None else scatter
    bands = torch.stack([own - 1, own, own + 1], -1)
    known, series = torch.ones(horizon, count).bool(), torch.ones(count, dtype=torch.int64)
    return Errors(bands, help * own + noise * recent, known, recent, series)


def bands_of(combination, one):
    return combination(one.own, one.recent, one.series)


def test_before_it_is_fitted_the_network_counts_fully():
    one = errors(10)
    assert bands_of(Combination(2, LEVELS), one).equal(one.own)


def test_a_network_that_does_not_help_counts_nothing():
    combination = Combination(2, LEVELS)
    combination.fit(errors(300), None)
    assert combination.share.tolist() == [0, 0]
    found = bands_of(combination, errors(5))
    assert (found.diff(dim=-1) >= 0).all() and (found[..., 1] == 0).all()


def test_a_network_that_helps_counts_as_much_as_it_helps():
    combination = Combination(2, LEVELS)
    combination.fit(errors(500, help=0.6), None)
    assert all(0.4 < share < 0.8 for share in combination.share.tolist())


def test_bands_hold_what_they_promise():
    combination, new = Combination(2, LEVELS), errors(4000, seed=9)
    combination.fit(errors(300), errors(300, seed=5))
    band = bands_of(combination, new)
    inside = (new.truth >= band[..., 0]) & (new.truth <= band[..., -1])
    assert 0.93 < float(inside.float().mean()) < 0.98


def test_bands_are_wide_where_recent_errors_are_large():
    scatter = torch.tensor([0.5, 2.0]).repeat(200)
    combination = Combination(1, LEVELS)
    combination.fit(errors(400, horizon=1, scatter=scatter), None)
    assert combination.powers[0] == 1
    few = bands_of(combination, errors(2, horizon=1, scatter=torch.tensor([0.5, 2.0])))
    width = few[0, :, -1] - few[0, :, 0]
    assert float(width[1] / width[0]) > 3


def test_bands_follow_recent_errors_as_far_as_the_errors_tell():
    torch.manual_seed(0)
    recent = torch.rand(1000) * 3 + 0.3
    for power in (0.0, 0.5, 1.0):
        one = errors(1000, scatter=recent**power)
        one = replace(one, recent=recent)
        assert abs(recent_power([(one.truth, one)], 1) - power) < 0.2
    few = errors(8)  # recent errors are all alike: they tell nothing
    assert recent_power([(few.truth, few)], 1) == 0.75


def test_the_power_of_recent_errors_is_that_of_a_gamma_regression():
    from sklearn.linear_model import GammaRegressor

    torch.manual_seed(0)
    recent = torch.rand(4000) + 0.5
    one = errors(4000, horizon=1, scatter=recent**0.6)
    one = replace(one, recent=recent)
    fitted = GammaRegressor(alpha=0).fit(recent.log()[:, None], one.truth[0].abs())
    assert abs(recent_power([(one.truth, one)], 1) - fitted.coef_[0]) <= 0.0625 + 0.02


def test_few_errors_give_wide_bands():
    combination, new = Combination(1, LEVELS), errors(4000, horizon=1, seed=9)
    combination.fit(errors(20, horizon=1), None)
    band = bands_of(combination, new)
    inside = (new.truth >= band[..., 0]) & (new.truth <= band[..., -1])
    assert float(inside.float().mean()) > 0.85


def test_each_series_has_bands_of_its_own_width():
    series = torch.tensor([1, 2]).repeat(200)
    one = replace(errors(400, horizon=1), series=series)
    one = replace(one, truth=one.truth * torch.where(series == 1, 0.2, 3.0))
    combination = Combination(1, LEVELS, 2)
    combination.fit(one, None)
    three = replace(errors(3, horizon=1), series=torch.tensor([1, 2, 0]))
    width = bands_of(combination, three).diff(dim=-1).sum(-1)[0]
    assert 12 < float(width[1] / width[0]) < 18
    assert width[0] < width[2] < width[1]  # an unseen series


def test_sizes_of_errors_are_those_of_steps_times_those_of_series():
    torch.manual_seed(0)
    series = torch.tensor([1, 2]).repeat(5000)
    known = torch.rand(2, 10_000) < 0.8
    steps, of_series = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 0.5, 1.5])
    drawn = torch.empty(2, 10_000).exponential_() * steps[:, None] * of_series[series]
    sizes = sizes_of(drawn, known, series, 2)
    expected = steps[:, None] * of_series[series]
    assert torch.allclose(sizes.of(series), expected, rtol=0.1)
    assert sizes.series[0] == 1


def test_bands_of_one_size_are_fitted_whatever_the_series():
    many = replace(errors(300), series=torch.arange(300) % 7 + 1)
    pooled, alone = Combination(2, LEVELS), Combination(2, LEVELS)
    pooled.fit(many, None)
    alone.fit(errors(300), None)
    assert pooled.offsets.equal(alone.offsets) and pooled.powers.equal(alone.powers)
