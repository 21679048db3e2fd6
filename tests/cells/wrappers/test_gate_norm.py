from math import sqrt, tanh

import pytest
import torch
from torch import nn, sigmoid
from torch.nn.functional import layer_norm, linear

import unroll
from unroll.cells.wrappers.gate_norm import GateNormCell
from unroll.cells.wrappers.stacked import StackedCell
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained

inners = pytest.mark.parametrize("inner", INNER)


def test_step_gives_the_numbers_of_the_equations():
    cell = GateNormCell(unroll.RNNCell(1, 2), epsilon=0.75).double()
    values = {
        "cell.weight_ih": [[1.0], [3.0]],
        "cell.weight_hh": [[0.0, 2.0], [4.0, 0.0]],
        "cell.bias_ih": [0.25, 0.0],
        "cell.bias_hh": [0.0, -0.5],
        "gain_ih": [1.0, 2.0],
        "gain_hh": [-1.0, 0.5],
    }
    cell.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    output, new = cell.step(torch.tensor([[0.5]]).double(), torch.tensor([[1.5, 1.0]]).double())
    # W x = (0.5, 1.5): mean 1, variance 1/4, so (-0.5, 0.5) / sqrt(1/4 + 3/4) = (-0.5, 0.5)
    # U h = (2, 6): mean 4, variance 4, so (-2, 2) / sqrt(4 + 3/4)
    r = 2 / sqrt(4.75)
    expected = [tanh(-0.5 + 0.25 + r), tanh(2 * 0.5 + 0.5 * r - 0.5)]
    torch.testing.assert_close(output, torch.tensor([expected]).double())
    assert new is output


def normed(x, weight, gain, gates):
    """Torch's own layer norm of each gate of a product."""
    products = linear(x, weight).chunk(gates, 1)
    gains = gain.chunk(gates)
    return [layer_norm(p, p.shape[1:], g) for p, g in zip(products, gains, strict=True)]


def test_an_lstm_is_normalised_gate_by_gate():
    cell = GateNormCell(unroll.LSTMCell(3, 4)).double()
    nn.init.normal_(cell.gain_ih)
    nn.init.normal_(cell.gain_hh)
    inner, x = cell.cell, torch.randn(3, 2, 3).double()
    output, last = unroll.unroll(cell, x)
    h = c = torch.zeros(2, 4).double()
    for step in x:
        from_x = normed(step, inner.weight_ih, cell.gain_ih, 4)
        from_h = normed(h, inner.weight_hh, cell.gain_hh, 4)
        bias = (inner.bias_ih + inner.bias_hh).chunk(4)
        i, f, g, o = (a + b + d for a, b, d in zip(from_x, from_h, bias, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
        h = sigmoid(o) * torch.tanh(c)
    torch.testing.assert_close((last.h, last.c), (h, c))
    torch.testing.assert_close(output[-1], h)


def test_a_gru_is_normalised_before_its_reset_gate():
    cell = GateNormCell(nn.GRUCell(3, 4)).double()
    nn.init.normal_(cell.gain_hh)
    inner, x, h = cell.cell.cell, torch.randn(2, 3).double(), torch.randn(2, 4).double()
    x_r, x_z, x_n = normed(x, inner.weight_ih, cell.gain_ih, 3)
    h_r, h_z, h_n = normed(h, inner.weight_hh, cell.gain_hh, 3)
    b_r, b_z, b_n = inner.bias_ih.chunk(3)
    d_r, d_z, d_n = inner.bias_hh.chunk(3)
    r, z = sigmoid(x_r + b_r + h_r + d_r), sigmoid(x_z + b_z + h_z + d_z)
    n = torch.tanh(x_n + b_n + r * (h_n + d_n))
    _, new = cell.step(x, h)
    torch.testing.assert_close(new, (1 - z) * n + z * h)


class TwoProducts(unroll.Cell):
    """Rows of the weights are multiplied apart, whole gates or not."""

    def __init__(self, input_size, hidden_size, rows):
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.rows = rows
        self.reset_parameters()

    def forward(self, x, h):
        W_f, W_n = self.weight_hh[: self.rows], self.weight_hh[self.rows :]
        read = linear(x, self.weight_ih) + torch.cat([linear(h, W_f), linear(h, W_n)], 1)
        f, n = read.chunk(2, 1)
        h = sigmoid(f) * h + torch.tanh(n)
        return h, h


def test_gates_that_are_multiplied_apart_have_their_own_gains():
    cell = GateNormCell(TwoProducts(3, 4, rows=4))
    nn.init.normal_(cell.gain_hh)
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    x_f, x_n = normed(x, cell.cell.weight_ih, cell.gain_ih, 2)
    h_f, h_n = normed(h, cell.cell.weight_hh, cell.gain_hh, 2)
    expected = sigmoid(x_f + h_f) * h + torch.tanh(x_n + h_n)
    torch.testing.assert_close(cell.step(x, h)[0], expected)


def test_parts_of_gates_are_refused_in_a_sentence():
    cell = GateNormCell(TwoProducts(3, 4, rows=3))
    with pytest.raises(ValueError, match=r"rows 0 to 3 of a weight; expected whole gates of 4"):
        unroll.unroll(cell, torch.randn(5, 2, 3), backend="loop")


def test_cells_of_another_kind_are_refused_in_a_sentence():
    odd = unroll.ProjectedLSTMCell(3, 4, proj_size=2)
    odd.weight_hh = nn.Parameter(torch.zeros(15, 2))
    with pytest.raises(ValueError, match=r"15 rows in weight_hh; expected a multiple of hidden_s"):
        GateNormCell(odd)
    stack = StackedCell([unroll.GRUCell(3, 4), unroll.GRUCell(4, 4)])
    with pytest.raises(ValueError, match=r"2 parameters named weight_ih: .*Wrap each of its cells"):
        GateNormCell(stack)
    with pytest.raises(ValueError, match="no parameter named weight_ih"):
        GateNormCell(unroll.Cell(3, 4))


def test_gains_are_drawn_anew_as_ones():
    cell = GateNormCell(unroll.GRUCell(3, 4))
    nn.init.zeros_(cell.gain_ih)
    cell.reset_parameters()
    assert cell.gain_ih.tolist() == [1.0] * 12


@inners
def test_promises_of_a_cell(inner):
    check_cell(lambda i, h: GateNormCell(INNER[inner](i, h)))


def test_promises_around_a_projection():
    check_cell(lambda i, h: GateNormCell(unroll.ProjectedLSTMCell(i, h, proj_size=2)))


def test_training_mode_is_eval_mode():
    check_trained(lambda i, h: GateNormCell(unroll.LSTMCell(i, h)), noisy=False)


def test_in_a_layer():
    check_layer(lambda i, h: GateNormCell(unroll.GRUCell(i, h)))
