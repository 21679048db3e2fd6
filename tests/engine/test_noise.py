import pytest
import torch
from torch import nn

import unroll
from unroll.engine.cpu import build
from unroll.testing import check_cell

T, B, I, H = 6, 3, 2, 50


class DropoutCell(unroll.Cell):
    """Elman with dropout on the fed-back state."""

    each = "step"
    kind = "bernoulli"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.inner = unroll.RNNCell(input_size, hidden_size)

    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), self.kind, self.each, keep=0.75)}

    def forward(self, x, h, noise):
        return self.inner.step(x, h if noise is None else h * noise["mask"] / 0.75)


class LockedDropoutCell(DropoutCell):
    each = "call"


def handed(cell, x):
    """What the loop hands each step of a call; only there is every step a call of the cell."""
    kept = []
    watch = cell.register_forward_pre_hook(lambda _, given: kept.append(given[2]))
    unroll.unroll(cell, x, backend="loop")
    watch.remove()
    return [None if noise is None else noise["mask"] for noise in kept]


def test_masks_are_zeros_and_ones_with_the_asked_probability_and_dtype():
    masks = torch.stack(handed(DropoutCell(I, H).double(), torch.randn(T, B, I).double()))
    assert masks.shape == (T, B, H)
    assert masks.dtype == torch.float64
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert 0.7 < masks.mean().item() < 0.8


def test_each_step_draws_anew_and_each_call_draws_once():
    x, stepwise, locked = torch.randn(T, B, I), DropoutCell(I, H), LockedDropoutCell(I, H)
    masks = handed(stepwise, x)
    assert len(masks) == T and not torch.equal(masks[0], masks[1])
    first, second = handed(locked, x), handed(locked, x)
    assert len(first) == T and all(torch.equal(mask, first[0]) for mask in first)
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[0][0], first[0][1])  # one mask a sequence


@pytest.mark.parametrize(("kind", "low", "high"), [("normal", -9, 9), ("uniform", 0, 1)])
def test_other_kinds_of_noise(kind, low, high):
    cell = DropoutCell(I, H)
    cell.kind = kind
    drawn = torch.stack(handed(cell, torch.randn(T, B, I)))
    assert low <= drawn.min() < drawn.max() <= high
    assert len(drawn.unique()) > T * B * H / 2


@pytest.mark.parametrize("make", [DropoutCell, LockedDropoutCell])
def test_eval_mode_hands_none_and_draws_nothing(make):
    cell, x = make(I, H).eval(), torch.randn(T, B, I)
    before = torch.get_rng_state()
    output, _ = unroll.unroll(cell, x)
    assert handed(cell, x) == [None] * T
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(output, unroll.unroll(cell.inner, x)[0])


@pytest.mark.parametrize("make", [DropoutCell, LockedDropoutCell])
def test_the_seed_repeats_the_noise(make):
    layer, x = unroll.Recurrent(make, I, H, num_layers=2, bidirectional=True), torch.randn(T, B, I)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(layer(x, lengths=[6, 2, 0])[0])
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.skipif(build.unavailable() is not None, reason="nothing can be compiled here")
@pytest.mark.parametrize("lengths", [None, [6, 2, 0]], ids=["full", "ragged"])
@pytest.mark.parametrize("kind", ["bernoulli", "normal", "uniform"])
@pytest.mark.parametrize("make", [DropoutCell, LockedDropoutCell])
def test_the_same_numbers_reach_compiled_kernels(make, kind, lengths):
    cell, x = make(I, H).double().train(), torch.randn(T, B, I).double()
    cell.kind = kind
    runs, left = [], []
    for backend in ("loop", "cpu"):
        torch.manual_seed(7)
        runs.append(unroll.unroll(cell, x, lengths=lengths, backend=backend))
        left.append(torch.get_rng_state())
    torch.testing.assert_close(runs[1], runs[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(*left)
    torch.manual_seed(8)
    other, _ = unroll.unroll(cell, x, lengths=lengths, backend="cpu")
    assert not torch.allclose(other, runs[0][0])


def test_a_cell_without_noise_is_called_without_it():
    class Strict(unroll.Cell):
        def forward(self, x, h):
            return h, h

    unroll.unroll(Strict(I, H), torch.randn(T, B, I))


def test_the_stepper_of_a_layer_in_training_hands_none():
    layer = unroll.Recurrent(DropoutCell, I, H).train()
    x = torch.randn(T, B, I)
    stepper = layer.stepper(B)
    outputs = torch.stack([stepper(step) for step in x])
    torch.testing.assert_close(outputs, layer.eval()(x)[0])


@pytest.mark.parametrize("make", [DropoutCell, LockedDropoutCell])
def test_promises_of_a_cell_with_noise(make):
    check_cell(make)


def test_a_cell_that_draws_for_itself_breaks_a_promise():
    class DrawsItself(unroll.RNNCell):
        def step(self, x, h):
            return super().step(x, nn.functional.dropout(h, 0.5, self.training))

    with pytest.raises(AssertionError, match=r"DrawsItself draws random numbers.*declare them"):
        check_cell(DrawsItself)
