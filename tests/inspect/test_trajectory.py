import torch

import unroll
from unroll.inspect.trajectory import Trajectory, recorded_trajectory, require_gradients

from .linear import Linear


def test_states_are_those_before_each_step():
    cell = unroll.LSTMCell(3, 4).double().eval()
    x, record = torch.randn(5, 2, 3, dtype=torch.float64), unroll.Recording()
    initial = cell.initial_state(2, dtype=x.dtype)
    unroll.unroll(cell, x, initial, record=record, backend="loop")
    found = recorded_trajectory(cell, x, initial, record)
    assert (found.steps, found.size) == (5, 8)
    state = initial
    for t in range(5):
        for one, other in zip(found.state_before(t), state, strict=True):
            torch.testing.assert_close(one, other)
        _, state = cell.step(x[t], state)


def test_a_gradient_is_pulled_back_by_the_transposed_jacobian():
    W = torch.randn(3, 3, dtype=torch.float64)
    x = torch.zeros(4, 2, 3, dtype=torch.float64)
    found = Trajectory(Linear(W).eval(), x, torch.zeros_like(x))
    gradients = torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(found.pull_back(1)(gradients), gradients @ W)
    many = found.pull_back_many(torch.tensor([0, 3]), row=1)(gradients)
    torch.testing.assert_close(many, gradients @ W)


def test_only_real_numbers_require_gradients():
    clock, h = require_gradients((torch.tensor([1]), torch.zeros(1, 2)))
    assert h.requires_grad and not clock.requires_grad
