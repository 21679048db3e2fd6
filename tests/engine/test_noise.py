import pytest
import torch
from torch import nn

import unroll
from unroll.testing import check_cell

T, B, I, H = 6, 3, 2, 50


class DropoutCell(unroll.Cell):
    """Elman with dropout on the fed-back state; keeps what it was handed, for the tests."""

    each = "step"
    kind = "bernoulli"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.inner = unroll.RNNCell(input_size, hidden_size)
        self.handed = []

    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), self.kind, self.each, keep=0.75)}

    def forward(self, x, h, noise):
        self.handed.append(None if noise is None else noise["mask"])
        return self.inner.step(x, h if noise is None else h * noise["mask"] / 0.75)


class LockedDropoutCell(DropoutCell):
    each = "call"


def test_masks_are_zeros_and_ones_with_the_asked_probability_and_dtype():
    cell = DropoutCell(I, H).double()
    unroll.unroll(cell, torch.randn(T, B, I).double())
    masks = torch.stack(cell.handed)
    assert masks.shape == (T, B, H)
    assert masks.dtype == torch.float64
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert 0.7 < masks.mean().item() < 0.8


def test_each_step_draws_anew_and_each_call_draws_once():
    x, stepwise, locked = torch.randn(T, B, I), DropoutCell(I, H), LockedDropoutCell(I, H)
    for _ in range(2):
        unroll.unroll(stepwise, x)
        unroll.unroll(locked, x)
    assert not torch.equal(stepwise.handed[0], stepwise.handed[1])
    assert all(torch.equal(mask, locked.handed[0]) for mask in locked.handed[:T])
    assert not torch.equal(locked.handed[0], locked.handed[T])
    assert not torch.equal(locked.handed[0][0], locked.handed[0][1])  # one mask a sequence


@pytest.mark.parametrize(("kind", "low", "high"), [("normal", -9, 9), ("uniform", 0, 1)])
def test_other_kinds_of_noise(kind, low, high):
    cell = DropoutCell(I, H)
    cell.kind = kind
    unroll.unroll(cell, torch.randn(T, B, I))
    drawn = torch.stack(cell.handed)
    assert low <= drawn.min() < drawn.max() <= high
    assert len(drawn.unique()) > T * B * H / 2


@pytest.mark.parametrize("make", [DropoutCell, LockedDropoutCell])
def test_eval_mode_hands_none_and_draws_nothing(make):
    cell, x = make(I, H).eval(), torch.randn(T, B, I)
    before = torch.get_rng_state()
    output, _ = unroll.unroll(cell, x)
    assert torch.equal(before, torch.get_rng_state())
    assert cell.handed == [None] * T
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
