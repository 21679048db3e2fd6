import pytest
import torch

import unroll
from unroll.cells.names import cell_factory
from unroll.inspect import jacobian, jacobians, largest_singular_values
from unroll.inspect.trajectory import recorded_trajectory

from .linear import Linear


def recorded(cell, steps=5):
    cell = cell.double().eval()
    x, record = torch.randn(steps, 2, cell.input_size, dtype=torch.float64), unroll.Recording()
    unroll.unroll(cell, x, record=record, backend="loop")
    return recorded_trajectory(cell, x, cell.initial_state(2, dtype=x.dtype), record), x


def test_they_are_those_of_autograd_at_every_step():
    cell = unroll.LSTMCell(3, 4)
    found, x = recorded(cell)
    state = torch.zeros(8).double()

    def step(flat, t):
        _, new = cell.step(x[t, :1], (flat[None, :4], flat[None, 4:]))
        return torch.cat(new, 1)[0]

    for t, one in enumerate(jacobians(found, torch.arange(5))):
        expected = torch.autograd.functional.jacobian(lambda s, t=t: step(s, t), state)
        torch.testing.assert_close(one, expected)
        state = step(state, t).detach()


def test_singular_values_are_by_steps_back():
    found, _ = recorded(unroll.RNNCell(3, 4))
    every = jacobians(found, torch.arange(5))
    for back, value in largest_singular_values(found).items():
        assert value == pytest.approx(float(torch.linalg.matrix_norm(every[4 - back], 2)))


def test_a_linear_cell_has_the_norm_of_its_weights():
    W = torch.randn(4, 4).double()
    found, _ = recorded(Linear(W))
    expected = float(torch.linalg.matrix_norm(W, 2))
    assert list(largest_singular_values(found).values()) == pytest.approx([expected] * 5)


def test_of_a_large_state_some_steps_are_enough(monkeypatch):
    monkeypatch.setattr(jacobian, "OPERATIONS", 9 * 4**3)
    found, _ = recorded(unroll.RNNCell(3, 4), steps=50)
    values = largest_singular_values(found)
    assert len(values) == 9 and min(values) == 0 and max(values) == 49


def test_the_clock_of_a_state_has_no_gradient():
    found, _ = recorded(cell_factory("clockwork")(3, 8))
    assert found.size == 8 and jacobians(found, torch.arange(5)).shape == (5, 8, 8)


def test_the_mean_diagonal_is_what_a_unit_keeps_of_itself():
    from unroll.inspect import gradients_of_cells

    flows = gradients_of_cells(["rnn", "lstm", "irnn"], length=20, hidden=16, batch=2).flows
    rnn, lstm, irnn = (flow.diagonals for flow in flows)
    assert abs(rnn["h"]) < 0.1 and 0.6 < lstm["c"] < 0.85 and abs(lstm["h"]) < 0.1
    assert irnn["h"] > 0.4
