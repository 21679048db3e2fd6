import math

import pytest
import torch

import unroll
from unroll.inspect import jacobians, lyapunov_exponents
from unroll.inspect.trajectory import Trajectory, recorded_trajectory

from .linear import Linear


def trajectory(cell, steps, batch=2):
    x = torch.randn(steps, batch, cell.input_size, dtype=torch.float64)
    states = torch.randn(steps, batch, cell.hidden_size, dtype=torch.float64)
    return Trajectory(cell.double().eval(), x, states)


def test_a_scaled_rotation_has_the_log_of_its_scale_exactly():
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    found = lyapunov_exponents(trajectory(Linear(0.9 * rotation), 50), count=6)
    torch.testing.assert_close(found, torch.full((2, 6), math.log(0.9)).double())


def test_a_linear_cell_has_the_log_of_its_spectral_radius():
    W = torch.randn(6, 6, dtype=torch.float64) / 6**0.5
    radius = float(torch.linalg.eigvals(W).abs().max())
    found = lyapunov_exponents(trajectory(Linear(W), 1000))
    assert found[:, 0].tolist() == pytest.approx([math.log(radius)] * 2, abs=2e-3)


def test_all_exponents_of_a_symmetric_cell_are_the_logs_of_its_eigenvalues():
    basis = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    values = torch.tensor([1.3, 0.9, 0.5, 0.2], dtype=torch.float64)
    cell = Linear(basis @ values.diag() @ basis.T)
    found = lyapunov_exponents(trajectory(cell, 400), count=4)
    torch.testing.assert_close(found, values.log().expand(2, 4), atol=1e-6, rtol=0)


def test_they_do_not_overflow_where_the_product_does():
    found = lyapunov_exponents(trajectory(Linear(3 * torch.eye(2)), 1000))
    assert 1000 * math.log(3) > math.log(1.7e308)
    torch.testing.assert_close(found, torch.full((2, 1), math.log(3)).double())


def test_the_sum_of_all_is_the_volume_of_the_product_of_jacobians():
    cell = unroll.LSTMCell(3, 4).double().eval()
    x, record = torch.randn(20, 1, 3, dtype=torch.float64), unroll.Recording()
    unroll.unroll(cell, x, record=record, backend="loop")
    way = recorded_trajectory(cell, x, cell.initial_state(1, dtype=x.dtype), record)
    counted = jacobians(way, torch.arange(18))  # the last two steps are the warm-up
    expected = torch.linalg.slogdet(counted).logabsdet.sum() / 18
    found = lyapunov_exponents(way, count=8).sum()
    assert float(found) == pytest.approx(float(expected), rel=1e-9)


def test_a_cell_that_lets_nothing_through_has_minus_infinity():
    found = lyapunov_exponents(trajectory(Linear(torch.zeros(3, 3)), 20))
    assert (found == -math.inf).all()
