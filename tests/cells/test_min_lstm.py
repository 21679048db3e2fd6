from math import log

import pytest
import torch
from torch.nn.functional import logsigmoid, softplus

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.min_lstm import MinLSTMCell
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value))
    return cell.double()


def test_step_gives_the_numbers_of_the_equations():
    # unit 1: f = sigmoid(log 3) = 3/4, i = sigmoid(0) = 1/2, n = g(-log 3) = 1/4
    #         f / (f + i) = 3/5, i / (f + i) = 2/5;  h' = 3/5 * 2 + 2/5 * 1/4 = 13/10
    # unit 2: f = sigmoid(-log 3) = 1/4, i = sigmoid(log 3) = 3/4, n = g(1) = 3/2
    #         f / (f + i) = 1/4, i / (f + i) = 3/4;  h' = 1/4 * (-1) + 3/4 * 3/2 = 7/8
    values = {
        "weight_ih": [[log(3.0)], [0.0], [0.0], [log(3.0)], [0.0], [2.0]],
        "bias": [0.0, -log(3.0), 0.0, 0.0, -log(3.0), -1.0],
    }
    cell = filled(MinLSTMCell(1, 2).double(), **values)
    x, h = torch.ones(1, 1).double(), torch.tensor([[2.0, -1.0]]).double()
    output, new = cell(x, h)
    torch.testing.assert_close(output, torch.tensor([[13 / 10, 7 / 8]]).double())
    assert output is new
    # without g the candidates are -log 3 and 1
    plain = filled(MinLSTMCell(1, 2, positive=False).double(), **values)
    expected = [[6 / 5 - 2 / 5 * log(3.0), 1 / 2]]
    torch.testing.assert_close(plain(x, h)[0], torch.tensor(expected).double())


def test_the_papers_log_space_algorithm_gives_the_same():
    """Feng et al., appendix B: exp of a cumulated sum, from a state of zero."""
    cell, x = MinLSTMCell(3, 4).double(), torch.randn(50, 2, 3).double()
    f, i, n = (x @ cell.weight_ih.T + cell.bias).chunk(3, -1)
    apart = softplus(-f) - softplus(-i)
    kept = -softplus(apart).cumsum(0)
    added = -softplus(-apart) + torch.where(n >= 0, (n.relu() + 0.5).log(), logsigmoid(n))
    expected = (kept + (added - kept).logcumsumexp(0)).exp()
    zeros = cell.initial_state(2, dtype=torch.float64)
    torch.testing.assert_close(cell.parallel(x, zeros)[0], expected)
    torch.testing.assert_close(unroll.unroll(cell, x, backend="loop")[0], expected)


def test_gates_that_are_both_shut_still_weigh_each_other():
    """sigmoid(-200) is zero in float32, and f / (f + i) would be 0 / 0."""
    cell = MinLSTMCell(1, 2)
    torch.nn.init.zeros_(cell.weight_ih)
    with torch.no_grad():
        cell.bias.copy_(torch.tensor([-200.0, -199.0, -200.0, -200.0, 0.5, 0.5]))
    h = torch.ones(1, 2, requires_grad=True)
    output, _ = cell(torch.zeros(1, 1), h)
    expected = torch.tensor([[0.5, torch.tensor(1.0).sigmoid()]])  # f / i is 1 and e
    torch.testing.assert_close(torch.autograd.grad(output.sum(), h)[0], expected)
    torch.testing.assert_close(output, torch.ones(1, 2))


def test_gates_are_named_for_a_recording():
    cell, named = MinLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["kept", "candidate"]


@pytest.mark.parametrize("positive", [True, False])
def test_promises_of_a_cell(positive):
    check_cell(lambda i, h: MinLSTMCell(i, h, positive=positive))


def test_in_a_layer():
    layer = unroll.Recurrent(MinLSTMCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(MinLSTMCell(3, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 36 before it" in page
