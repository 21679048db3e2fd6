"""The next token: from the right distribution, by the right share, and never a forbidden one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.errors import UserError
from unroll.models.sampling import checked_sampling, distribution, draw, draw_softmax

P = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.7, 0.05, 0.05, 0.2]])


def close(found, expected):
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)


def test_untouched_it_is_the_softmax():
    logits = torch.randn(3, 50)
    torch.testing.assert_close(distribution(logits), logits.softmax(1))


def test_temperature_sharpens_or_flattens():
    squared = P**2 / (P**2).sum(1, keepdim=True)
    torch.testing.assert_close(distribution(P.log(), 0.5), squared)
    assert (distribution(P.log(), 1e9) - 0.25).abs().max() < 1e-6


@pytest.mark.parametrize("temperature", [0.0, 1e-50, 1e-300, 1e-9])
def test_temperature_zero_and_next_to_it_takes_the_most_likely(temperature):
    close(distribution(P.log(), temperature), [[0.0, 1, 0, 0], [1.0, 0, 0, 0]])
    forbidden = distribution(P.log(), temperature, never=torch.tensor([0, 1]))
    close(forbidden, [[0.0, 0, 0, 1], [0.0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("k", "expected"), [(1, [0, 1, 0, 0]), (2, [0, 4 / 7, 0, 3 / 7]), (4, P[0]), (9, P[0])]
)
def test_top_k_keeps_the_k_most_likely(k, expected):
    close(distribution(P[:1].log(), top_k=k)[0], list(map(float, expected)))


def test_top_k_keeps_k_even_where_many_are_as_likely():
    assert (distribution(torch.zeros(2, 10), top_k=3) > 0).sum(1).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (1e-9, [0, 1, 0, 0]),
        (0.39, [0, 1, 0, 0]),
        (0.41, [0, 4 / 7, 0, 3 / 7]),
        (0.71, [0, 4 / 9, 2 / 9, 3 / 9]),
        (1.0, P[0]),
    ],
)
def test_top_p_keeps_the_fewest_that_reach_the_share(p, expected):
    close(distribution(P[:1].log(), top_p=p)[0], list(map(float, expected)))


def test_never_takes_the_probability_away():
    close(distribution(P[:1].log(), never=torch.tensor([1]))[0], [1 / 6, 0.0, 2 / 6, 3 / 6])
    close(distribution(P[:1].log(), top_k=1, never=torch.tensor([1, 3]))[0], [0.0, 0, 1, 0])


@settings(deadline=None)
@given(
    st.integers(2, 30), st.integers(0, 9), st.floats(0.01, 1.0), st.floats(0, 5), st.integers(0, 99)
)
def test_every_setting_gives_probabilities_that_sum_to_one(V, k, p, temperature, seed):
    logits = 10 * torch.randn(3, V, generator=torch.Generator().manual_seed(seed))
    found = distribution(logits, temperature, k, p, never=torch.tensor([0]))
    assert (found >= 0).all() and (found[:, 0] == 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(3))
    assert (found.argmax(1) == logits[:, 1:].argmax(1) + 1).all()
    if k:
        assert ((found > 0).sum(1) <= k).all()


def test_draws_follow_the_distribution_and_never_take_what_has_no_probability():
    p = torch.tensor([0.0, 0.5, 0.0, 0.2, 0.25, 0.05, 0.0])
    n = 20_000
    drawn = draw(p.expand(n, -1), torch.Generator().manual_seed(5))
    counts = drawn.bincount(minlength=len(p)).double()
    assert counts.sum() == n and (counts[p == 0] == 0).all()
    expected = n * p.double()[p > 0]
    chi_square = ((counts[p > 0] - expected) ** 2 / expected).sum()
    assert chi_square < 20  # 3 degrees of freedom: 0.02 % of seeds are above


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-24])
@pytest.mark.parametrize("p", [[0, 0, 1, 0], [0, 0.5, 0, 0.5, 0], [0, 1e-9, 0], [1 / 3, 0, 2 / 3]])
def test_the_ends_of_the_uniform_number_are_safe(monkeypatch, uniform, p):
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.full(shape, uniform))
    (drawn,) = draw(torch.tensor([p], dtype=torch.float32), torch.Generator())
    assert p[drawn] > 0


def test_a_seed_gives_the_same_tokens():
    p = torch.full((100, 10), 0.1)
    one, same, other = (draw(p, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((-1.0, 0, 1.0), "--temperature got -1.0"),
        ((math.nan, 0, 1.0), "--temperature got nan"),
        ((math.inf, 0, 1.0), "--temperature got inf"),
        ((1.0, -1, 1.0), "--top-k got -1"),
        ((1.0, 0, 0.0), "--top-p got 0.0"),
        ((1.0, 0, 1.1), "--top-p got 1.1"),
        ((1.0, 0, math.nan), "--top-p got nan"),
    ],
)
def test_numbers_that_mean_nothing_are_refused_by_their_flag(numbers, said):
    with pytest.raises(UserError, match=said):
        checked_sampling(*numbers)


def test_numbers_at_the_edge_are_taken():
    checked_sampling(0.0, 0, 1.0)
    checked_sampling(100.0, 10**6, 1e-6)


@pytest.mark.parametrize("never", [[], [0, 7]])
def test_the_short_way_draws_what_the_long_way_draws(never):
    logits = torch.randn(1, 65, generator=torch.Generator().manual_seed(1)) * 3
    forbidden = torch.tensor(never) if never else None
    p = distribution(logits, 0.7, never=forbidden)
    one, other = torch.Generator().manual_seed(2), torch.Generator().manual_seed(2)
    long = [int(draw(p, one)) for _ in range(2000)]
    short = [draw_softmax(logits, 0.7, never, other) for _ in range(2000)]
    assert short == long
