"""The bound of rounding is that of the magnitudes that are added, and follows them to the end."""

import pytest
import torch

from .rounding import EPS, TIMES, Moved, allowed, outside


def bound(compute):
    return allowed(lambda: {"it": compute()}, {"it": compute()})["it"] / TIMES / EPS


def test_a_sum_that_cancels_is_bounded_by_what_is_added():
    x = torch.tensor([1000.0, -1000.0, 1.0]).double()
    assert bound(lambda: x.sum()) == pytest.approx(2001)
    assert bound(lambda: x[0] + x[1]) == pytest.approx(2000)
    assert bound(lambda: 1001 - x[:1]) == pytest.approx(2001)
    assert bound(lambda: x[None] @ torch.ones(3, 1).double()) == pytest.approx(2001)


def test_a_product_and_a_function_are_bounded_by_themselves():
    x = torch.tensor(-3.0).double()
    assert bound(lambda: x * x) == pytest.approx(9)
    assert bound(lambda: x.tanh()) == pytest.approx(0.995, abs=1e-3)
    assert bound(lambda: -x.relu()) == 0


def test_what_is_lost_early_is_amplified_by_what_follows():
    x = torch.tensor(2.0).double()
    assert bound(lambda: 1e6 * (x * x)) == pytest.approx(8e6)


def test_gradients_are_moved_too():
    x = torch.tensor([3.0, -3.0]).double().requires_grad_()

    def gradient():
        return torch.autograd.grad((x * x).sum(), x)[0]

    assert 0 < bound(gradient) < 20


def test_nan_is_outside_of_every_bound():
    truth = {"it": torch.ones(2).double()}
    assert not outside({"it": torch.ones(2)}, truth, {"it": 0.0})
    assert outside({"it": torch.tensor([1.0, torch.nan])}, truth, {"it": 1e9})


def test_an_operation_of_unknown_magnitudes_is_not_let_through():
    with Moved(0, EPS), pytest.raises(NotImplementedError, match="logsumexp"):
        torch.ones(2).double().logsumexp(0)
