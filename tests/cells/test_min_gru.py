from math import log

import pytest
import torch
from torch.nn.functional import logsigmoid

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.min_gru import MinGRUCell, positive
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
    # unit 1: z = sigmoid(log 3) = 3/4, n = g(-log 3) = 1/4;  h' = 1/4 * 2 + 3/4 * 1/4 = 11/16
    # unit 2: z = sigmoid(0) = 1/2, n = g(1) = 3/2;           h' = 1/2 * (-1) + 1/2 * 3/2 = 1/4
    values = {"weight_ih": [[log(3.0)], [0.0], [0.0], [2.0]], "bias": [0.0, 0.0, -log(3.0), -1.0]}
    cell = filled(MinGRUCell(1, 2).double(), **values)
    x, h = torch.ones(1, 1).double(), torch.tensor([[2.0, -1.0]]).double()
    output, new = cell(x, h)
    torch.testing.assert_close(output, torch.tensor([[11 / 16, 1 / 4]]).double())
    assert output is new
    # without g the candidates are -log 3 and 1
    plain = filled(MinGRUCell(1, 2, positive=False).double(), **values)
    expected = [[0.5 - 0.75 * log(3.0), 0.0]]
    torch.testing.assert_close(plain(x, h)[0], torch.tensor(expected).double())


def test_g_is_the_papers():
    v = torch.tensor([-log(3.0), -0.0, 0.0, 2.0]).double()
    assert positive(v).tolist() == pytest.approx([0.25, 0.5, 0.5, 2.5])


def test_the_papers_log_space_algorithm_gives_the_same():
    """Feng et al., appendix B: exp of a cumulated sum, from a state of zero."""
    cell, x = MinGRUCell(3, 4).double(), torch.randn(50, 2, 3).double()
    z, n = (x @ cell.weight_ih.T + cell.bias).chunk(2, -1)
    kept = logsigmoid(-z).cumsum(0)
    added = logsigmoid(z) + torch.where(n >= 0, (n.relu() + 0.5).log(), logsigmoid(n))
    expected = (kept + (added - kept).logcumsumexp(0)).exp()
    zeros = cell.initial_state(2, dtype=torch.float64)
    torch.testing.assert_close(cell.parallel(x, zeros)[0], expected)
    torch.testing.assert_close(unroll.unroll(cell, x, backend="loop")[0], expected)


def test_gates_are_named_for_a_recording():
    cell, named = MinGRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["update_gate", "candidate"]


@pytest.mark.parametrize("positive", [True, False])
def test_promises_of_a_cell(positive):
    check_cell(lambda i, h: MinGRUCell(i, h, positive=positive))


def test_in_a_layer():
    layer = unroll.Recurrent(MinGRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(MinGRUCell(3, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 24 before it" in page
