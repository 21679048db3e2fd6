import math

import pytest
import torch

from unroll.training.halving import halving_distance, halving_in_words, rate

from .linear import Linear


@pytest.mark.parametrize("a", [0.5, 0.9, 0.999, 1.1])
def test_a_scalar_linear_cell_halves_in_log_of_a_half_over_log_a(followed, a):
    flow, *_ = followed(Linear([[a]]), steps=60)
    assert flow.halving == pytest.approx(math.log(1 / 2) / math.log(a), rel=1e-9)
    assert flow.lyapunov == pytest.approx(math.log(a), rel=1e-9)


def test_what_neither_grows_nor_falls_never_halves(followed):
    flow, *_ = followed(Linear(torch.eye(3)))
    assert flow.halving == math.inf


def test_the_fit_ends_where_the_gradient_does():
    assert rate([1.0, 0.5, 0.25, 0.0, 7.0]) == pytest.approx(-math.log(2))
    assert rate([1.0, 2.0, math.inf]) == pytest.approx(math.log(2))
    assert rate([1.0, 0.0]) is None and halving_distance([0.0, 0.0]) is None


def test_words():
    assert halving_in_words(1.346) == "halves every 1.35 steps"
    assert halving_in_words(-40.0) == "doubles every 40 steps"
    assert halving_in_words(1234.5) == "halves every 1,234 steps"
    assert halving_in_words(math.inf) == "stays as it is"
    assert halving_in_words(None) == "is zero at once"
