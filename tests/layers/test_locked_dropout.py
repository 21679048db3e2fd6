import pytest
import torch

from unroll.layers.locked_dropout import LockedDropout


def test_one_mask_for_all_steps_and_another_for_each_sequence_and_call():
    dropout, x = LockedDropout(0.5), torch.ones(7, 2, 50)
    y, other = dropout(x), dropout(x)
    assert bool((y == y[0]).all())
    assert not torch.equal(y[0, 0], y[0, 1])
    assert not torch.equal(y, other)


def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    y = LockedDropout(0.25)(torch.ones(1, 200, 50))
    assert sorted(y.unique().tolist()) == pytest.approx([0.0, 1 / 0.75])
    assert y.mean().item() == pytest.approx(1.0, abs=0.02)


def test_gradients_pass_through_the_same_mask():
    x = torch.ones(7, 2, 5, requires_grad=True)
    y = LockedDropout(0.5)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach())


@pytest.mark.parametrize("dropout", [LockedDropout(0.5).eval(), LockedDropout(0.0)])
def test_it_is_the_identity_in_eval_mode_and_at_zero(dropout):
    x = torch.randn(7, 2, 5)
    assert dropout(x) is x


def test_the_dtype_stays():
    assert LockedDropout(0.5)(torch.ones(2, 2, 2, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("p", [-0.1, 1, 1.5])
def test_a_p_outside_zero_to_one_is_refused(p):
    with pytest.raises(ValueError, match=f"p={p}; expected a probability, 0 <= p < 1"):
        LockedDropout(p)


def test_it_shows_its_p():
    assert repr(LockedDropout(0.5)) == "LockedDropout(p=0.5)"
