"""Gradients forward in time, beside backpropagation's."""

import pytest
import torch

import unroll
from unroll.training.online import Online

T, B, I, H = 7, 2, 3, 4


def both(cell, mode, steps=T):
    """The gradients of cell and read-out online, and by backpropagation, in float64."""
    cell = cell.double()
    readout = torch.nn.Linear(cell.output_size, 1).double()
    x = torch.randn(steps, B, I, dtype=torch.float64)
    output, _ = unroll.unroll(cell, x, backend="loop")
    total = readout(output).square().sum()
    learning = [*cell.parameters(), *readout.parameters()]
    expected = torch.autograd.grad(total, learning, allow_unused=True, materialize_grads=True)
    online = Online(cell, B, mode)
    value = sum(online.step(x_t, lambda o: readout(o).square().sum()) for x_t in x)
    torch.testing.assert_close(value, total.detach())
    return [p.grad for p in learning], expected, online


def close(found, expected):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


CELLS = {
    "rnn": unroll.RNNCell, "lstm": unroll.LSTMCell, "gru": unroll.GRUCell,
    "indrnn": unroll.IndRNNCell, "lru": unroll.LRUCell,
}  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_rtrl_is_exact(cell):
    found, expected, _ = both(CELLS[cell](I, H), "rtrl")
    close(found, expected)


@pytest.mark.parametrize("cell", ["indrnn", "lru"])
def test_snap1_is_exact_where_units_do_not_see_each_other(cell):
    found, expected, online = both(CELLS[cell](I, H), "snap1")
    close(found, expected)
    assert online.influence.shape[1] < online.S


@pytest.mark.parametrize("cell", CELLS)
def test_snap1_is_exact_for_one_step(cell):
    found, expected, _ = both(CELLS[cell](I, H), "snap1", steps=1)
    close(found, expected)


def test_snap1_is_what_the_paper_says():
    """Of an Elman cell it keeps, of the Jacobian, the diagonal alone."""
    cell = unroll.RNNCell(I, H)
    found, expected, _ = both(cell, "snap1")
    assert not torch.allclose(found[1], expected[1], rtol=1e-3)
    cosine = torch.cosine_similarity(found[1].flatten(), expected[1].flatten(), 0)
    assert cosine > 0.7


def test_a_start_at_the_identity_is_not_taken_for_units_that_do_not_see_each_other():
    assert not Online(unroll.cells.IRNNCell(I, H), B, "snap1").exact
    assert Online(unroll.cells.MinGRUCell(I, H), B, "snap1").reach.alone


def test_where_a_parameter_moves_every_unit_snap1_leaves_nothing_out():
    found, expected, online = both(unroll.cells.OriginalGRUCell(I, H), "snap1")
    close(found, expected)
    assert online.exact


def test_a_cell_without_trainable_weights_is_refused():
    with pytest.raises(unroll.UserError, match="no trainable weights"):
        Online(unroll.cells.EchoStateCell(I, H), 1)


def test_the_cost_is_said():
    online = Online(unroll.LSTMCell(I, H), 1)
    P = sum(p.numel() for p in online.parameters)
    assert online.cost.numbers == 2 * H * P
    assert "numbers kept" in str(online.cost)


def test_what_cannot_be_is_said():
    with pytest.raises(unroll.UserError, match="segment_length"):
        Online(unroll.LSTMCell(512, 512), 8)
    with pytest.raises(unroll.UserError, match="noise"):
        Online(unroll.ZoneoutCell(unroll.LSTMCell(I, H), 0.1), 1)
    with pytest.raises(unroll.UserError, match="rtrl"):
        Online(unroll.RNNCell(I, H), 1, "uoro")
