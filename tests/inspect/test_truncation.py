import pytest
import torch

import unroll
from unroll.inspect import Trajectory, truncation_errors
from unroll.inspect.truncation import cell_weight_gradient

from .linear import Linear


def test_the_error_of_a_scalar_cell_is_a_geometric_series():
    a, T = 0.9, 40
    cell = Linear([[a]])
    cell.weight.requires_grad_(False)  # what is left is dh_T/dw = sum of a^k x_{T-k}
    way = Trajectory(cell, torch.ones(T, 1, 1).double(), torch.zeros(T, 1, 1).double())
    lost = truncation_errors(cell_weight_gradient(way, torch.ones(1, 1).double()), T)
    assert lost == pytest.approx({k: (a**k - a**T) / (1 - a**T) for k in (1, 5, 10, 35)})


def test_the_window_of_truncated_backpropagation_in_plain_torch(followed):
    cell = unroll.LSTMCell(4, 6)
    flow, x, noise = followed(cell)
    weights = list(cell.parameters())

    def gradient(window):
        with torch.no_grad():
            _, state = unroll.unroll(cell, x[:-window], backend="loop")
        output, _ = unroll.unroll(cell, x[-window:], state, backend="loop")
        found = torch.autograd.grad(output[-1], weights, noise)
        return torch.cat([g.flatten() for g in found])

    exact = gradient(12)
    assert set(flow.truncation) == {1, 5, 10}
    for window, lost in flow.truncation.items():
        expected = float((exact - gradient(window)).norm() / exact.norm())
        assert lost == pytest.approx(expected, rel=1e-6)


def test_a_reservoir_has_no_weights_and_no_error():
    from unroll.inspect import gradients_of_cells

    flow = gradients_of_cells(["echo_state"], length=12, hidden=8).flows[0]
    assert flow.truncation == {} and flow.weight_norm is None
    assert flow.as_dict()["weight_gradient_norm"] is None
