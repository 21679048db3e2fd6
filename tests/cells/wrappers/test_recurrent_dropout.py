from math import exp

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import IndRNNCell, RecurrentDropoutCell
from unroll.engine.noise import draw_noise
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained

CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
inners = pytest.mark.parametrize("inner", INNER)
MASK = torch.tensor([0.0, 1.0, 1.0, 0.0]).double()


def with_columns(cell, mask, keep):
    """Torch's own cell whose recurrent weights read `mask * h / keep`: some columns are zero."""
    with torch.no_grad():
        cell.weight_hh *= mask / keep
    return cell


@inners
def test_products_read_the_dropped_state_and_nothing_else_does(inner):
    cell = RecurrentDropoutCell(CELLS[inner](3, 4).double(), 0.25)
    x, state = torch.randn(2, 3).double(), torch.randn(2, 4).double()
    state = unroll.LSTMState(state, torch.randn(2, 4).double()) if inner == "lstm" else state
    _, new = cell.step(x, state, {"mask.cell.weight_hh": MASK.expand(2, 4)})
    # torch's own cell: in a GRU z * h carries all of h, whatever the columns are
    expected = with_columns(cell.cell.cell, MASK, 0.75)(x, state)
    torch.testing.assert_close(tuple(new) if inner == "lstm" else new, expected)


@inners
@pytest.mark.parametrize("each", ["call", "step"])
def test_masks_are_drawn_once_a_sequence_or_anew_each_step(inner, each):
    cell = RecurrentDropoutCell(INNER[inner](3, 4), 0.25, each=each)
    ((kind, mask),) = draw_noise(cell, torch.randn(6, 2, 3)).values()
    assert kind == each
    assert mask.shape == ((2, 4) if each == "call" else (6, 2, 4))


def test_fields_are_dropped_as_the_step_is_given_them():
    x, h, c = torch.randn(2, 3), torch.randn(2, 4), torch.randn(2, 4)
    inner = unroll.LSTMCell(3, 4)
    cell = RecurrentDropoutCell(inner, 0.5, fields=["c"])
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    got = cell.step(x, unroll.LSTMState(h, c), {"mask.c": mask})
    torch.testing.assert_close(got, inner.step(x, unroll.LSTMState(h, 2 * mask * c)))
    assert list(RecurrentDropoutCell(unroll.GRUCell(3, 4), fields="h").noise()) == ["mask.h"]


def test_a_cell_that_only_reads_h_is_the_same_either_way():
    inner, x = unroll.LSTMCell(3, 4), torch.randn(6, 2, 3)
    runs = []
    for fields in (None, "h"):
        torch.manual_seed(3)
        runs.append(unroll.unroll(RecurrentDropoutCell(inner, 0.3, fields=fields), x))
    torch.testing.assert_close(*runs)


def test_the_memory_of_a_gru_does_not_grow():
    # with z = sigmoid(9) it keeps what it has; dropout of h itself would make it 1.25 ** 50 of that
    inner = unroll.GRUCell(1, 4)
    for parameter in inner.parameters():
        nn.init.zeros_(parameter)
    nn.init.constant_(inner.bias_ih[4:8], 9.0)
    cell, start, x = RecurrentDropoutCell(inner, 0.2), torch.ones(3, 4), torch.zeros(50, 3, 1)
    _, last = unroll.unroll(cell, x, start)
    torch.testing.assert_close(last, torch.full((3, 4), (1 / (1 + exp(-9))) ** 50))
    _, grown = unroll.unroll(RecurrentDropoutCell(inner, 0.2, fields="h"), x, start)
    assert grown.max() > 1e4


class ResetBefore(unroll.Cell):
    """Cho et al. 2014: some rows of weight_hh are multiplied apart from the others."""

    def __init__(self, input_size, hidden_size, rows="split"):
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.rows = rows
        self.reset_parameters()

    def forward(self, x, h):
        H = self.hidden_size
        W_gates, W_n = {
            "split": lambda W: W.split([2 * H, H]),
            "slices": lambda W: (W[: 2 * H], W[2 * H :]),
            "torch.split": lambda W: torch.split(W, [2 * H, H]),
            "chunk": lambda W: (W.chunk(3)[0], W.chunk(3)[2]),
        }[self.rows](self.weight_hh)
        x_r, x_z, x_n = torch.nn.functional.linear(x, self.weight_ih).chunk(3, 1)
        gates = torch.nn.functional.linear(h, W_gates)
        r = torch.sigmoid(x_r + gates[:, :H])
        z = torch.sigmoid(x_z + gates[:, -H:])
        n = self.tap(news=torch.tanh(x_n + torch.nn.functional.linear(r * h, W_n)))
        h = (1 - z) * n + z * h
        return h, h


@pytest.mark.parametrize("rows", ["split", "slices", "torch.split", "chunk"])
def test_rows_of_the_weight_are_dropped_alike(rows):
    inner = ResetBefore(3, 4, rows).double()
    x, h = torch.randn(2, 3).double(), torch.randn(2, 4).double()
    noise = {"mask.weight_hh": MASK.expand(2, 4)}
    got = RecurrentDropoutCell(inner, 0.25).step(x, h, noise)
    torch.testing.assert_close(got, with_columns(inner, MASK, 0.75).step(x, h))


def test_a_cell_may_mask_its_weight():
    class Masked(unroll.RNNCell):
        def step(self, x, h):
            weight = torch.where(torch.eye(4) > 0, self.weight_hh, 0.0) * torch.full((4, 4), 2.0)
            h = torch.tanh(torch.nn.functional.linear(h, weight))
            return h, h

    cell, h, mask = RecurrentDropoutCell(Masked(3, 4), 0.25), torch.randn(2, 4), MASK.float()
    _, new = cell.step(torch.randn(2, 3), h, {"mask.weight_hh": mask.expand(2, 4)})
    expected = torch.tanh(2 * cell.cell.weight_hh.diagonal() * h * mask / 0.75)
    torch.testing.assert_close(new, expected)


def test_other_uses_of_the_weight_are_refused_in_a_sentence():
    class Turned(unroll.RNNCell):
        def step(self, x, h):
            h = torch.tanh(h @ self.weight_hh.t())
            return h, h

    class Added(unroll.RNNCell):
        def step(self, x, h):
            h = torch.tanh(torch.add(h, self.weight_hh))
            return h, h

    for inner, use in ((Turned, "t"), (Added, "add")):
        with pytest.raises(AttributeError, match=rf"linear\(h, weight_hh\).*asks for {use}\.$"):
            unroll.unroll(RecurrentDropoutCell(inner(3, 4)), torch.randn(5, 4, 3), backend="loop")


def test_wrong_options_are_refused_in_a_sentence():
    for dropout in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"dropout={dropout}; expected a probability"):
            RecurrentDropoutCell(unroll.GRUCell(3, 4), dropout)
    with pytest.raises(ValueError, match=r"each='sequence'; expected 'call', a mask for the whole"):
        RecurrentDropoutCell(unroll.GRUCell(3, 4), each="sequence")
    assert RecurrentDropoutCell(unroll.GRUCell(3, 4), 0.0).noise() == {}


def test_what_the_cell_has_not_is_refused_in_a_sentence():
    class Bare(unroll.Cell):
        pass

    with pytest.raises(ValueError, match=r"fields=\['c'\]; expected fields .* of GRUCell .*: h"):
        RecurrentDropoutCell(unroll.GRUCell(3, 4), fields="c")
    with pytest.raises(ValueError, match=r"Bare, which has no parameter named weight_hh; .* none"):
        RecurrentDropoutCell(Bare(3, 4))
    with pytest.raises(ValueError, match=r"IndRNNCell, whose weight_hh has shape \[4\]; expected"):
        RecurrentDropoutCell(IndRNNCell(3, 4))


@inners
def test_promises_of_a_cell_with_recurrent_dropout(inner):
    check_cell(lambda i, h: RecurrentDropoutCell(INNER[inner](i, h)))


@inners
@pytest.mark.parametrize("options", [{}, {"each": "step"}, {"fields": "h"}], ids=str)
def test_compiled_kernels_are_given_the_same_noise(inner, options):
    check_trained(lambda i, h: RecurrentDropoutCell(INNER[inner](i, h), **options))


def test_in_a_layer():
    check_layer(lambda i, h: RecurrentDropoutCell(unroll.GRUCell(i, h)))
