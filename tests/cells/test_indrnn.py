import pytest
import torch

import unroll
from unroll.cells.indrnn import IndRNNCell
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value))
    return cell


def test_step_gives_the_numbers_of_the_equation():
    weights = {"weight_ih": [[0.5, 1.0], [-1.0, 0.25], [2.0, 0.0]], "weight_hh": [0.5, -1.0, 1.0]}
    cell = filled(IndRNNCell(2, 3), **weights, bias=[0.25, 0.5, -3.0])
    # 0.5*1 + 1*2 + 0.5*4 + 0.25 = 4.75;  -1*1 + 0.25*2 - 1*(-3) + 0.5 = 3;  2*1 + 1*0.5 - 3 < 0
    output, new = cell(torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, -3.0, 0.5]]))
    assert output.tolist() == [[4.75, 3.0, 0.0]]
    assert output is new


def test_it_is_torchs_relu_cell_with_a_diagonal_matrix():
    cell, torchs = IndRNNCell(3, 4), torch.nn.RNNCell(3, 4, nonlinearity="relu")
    with torch.no_grad():
        torchs.weight_ih.copy_(cell.weight_ih)
        torchs.weight_hh.copy_(cell.weight_hh.diag())
        torchs.bias_ih.copy_(cell.bias)
        torchs.bias_hh.zero_()
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    torch.testing.assert_close(cell(x, h)[0], torchs(x, h))


def test_recurrent_weights_start_between_zero_and_the_bound():
    weights = IndRNNCell(1, 10_000).weight_hh
    assert 0 <= weights.min() < 0.01 and 0.99 < weights.max() <= 1
    cell = IndRNNCell(1, 10_000, steps=2)
    assert cell.bound == 2**0.5
    assert 0 <= cell.weight_hh.min() < 0.01 and 1.4 < cell.weight_hh.max() <= 2**0.5
    assert cell.weight_ih.abs().max() <= 0.01


def test_a_unit_at_the_bound_grows_twofold_over_a_sequence():
    cell = filled(IndRNNCell(1, 1, steps=100), weight_ih=[[0.0]], bias=[0.0]).double()
    torch.nn.init.constant_(cell.weight_hh, cell.bound)
    _, last = unroll.unroll(cell, torch.zeros(100, 1, 1).double(), torch.ones(1, 1).double())
    assert last.item() == pytest.approx(2)


def test_weights_that_left_the_bound_are_put_back():
    cell = filled(IndRNNCell(1, 4, steps=1), weight_hh=[-3.0, -1.0, 2.0, 5.0])
    cell.constrain()
    assert cell.weight_hh.tolist() == [-2, -1, 2, 2]
    free = filled(IndRNNCell(1, 1), weight_hh=[5.0])
    free.constrain()
    assert free.weight_hh.item() == 5


@pytest.mark.parametrize("steps", [0, -3])
def test_a_sequence_has_at_least_one_step(steps):
    with pytest.raises(ValueError, match=f"IndRNNCell got steps={steps}; expected .* at least 1"):
        IndRNNCell(3, 4, steps=steps)


@pytest.mark.parametrize("steps", [None, 6])
def test_promises_of_a_cell(steps):
    check_cell(lambda i, h: IndRNNCell(i, h, steps=steps))


def test_in_a_layer():
    layer = unroll.Recurrent(IndRNNCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(IndRNNCell(3, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 12 before it" in page
