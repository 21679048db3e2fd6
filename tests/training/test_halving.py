"""The distance over which a gradient halves, as a number and in words."""

import math

import pytest

from unroll.training.halving import halving_distance, halving_in_words, rate


def test_a_geometric_series_has_its_distance():
    assert halving_distance([1.0, 0.5, 0.25]) == pytest.approx(1.0)
    assert halving_distance([2.0**k for k in range(9)]) == pytest.approx(-1.0)
    assert halving_distance([3.0] * 5) == math.inf


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
