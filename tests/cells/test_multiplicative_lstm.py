from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.multiplicative_lstm import MultiplicativeLSTMCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def test_step_gives_the_numbers_of_the_equations():
    cell = MultiplicativeLSTMCell(1, 1).double()
    weights = {
        "weight_im": [[0.75]],
        "weight_hm": [[-1.5]],
        "weight_ih": [[0.5], [-1.0], [2.0], [0.25]],
        "weight_mh": [[1.0], [0.5], [-0.5], [2.0]],
        "bias": [0.1, 1.2, 0.3, 0.0],
    }
    cell.load_state_dict({k: torch.tensor(v, dtype=torch.float64) for k, v in weights.items()})
    x, h, c = 2.0, 0.5, -1.0
    m = (0.75 * x) * (-1.5 * h)  # -1.125
    i = sigmoid(0.5 * x + 1.0 * m + 0.1)
    f = sigmoid(-1.0 * x + 0.5 * m + 1.2)
    g = tanh(2.0 * x - 0.5 * m + 0.3)
    o = sigmoid(0.25 * x + 2.0 * m + 0.0)
    new_c = f * c + i * g
    state = unroll.LSTMState(torch.tensor([[h]]).double(), torch.tensor([[c]]).double())
    output, new = cell(torch.tensor([[x]]).double(), state)
    assert new.c.item() == pytest.approx(new_c, abs=1e-15)
    assert output.item() == pytest.approx(o * tanh(new_c), abs=1e-15)
    assert output is new.h
    # worked out once with 40 digits (Python's decimal), so that this test cannot drift
    assert new_c == pytest.approx(0.28985701851926094)
    assert output.item() == pytest.approx(0.041749784664011792)


@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_an_input_that_lets_all_through_makes_it_torchs_cell(backend):
    cell, torchs = MultiplicativeLSTMCell(3, 4).double(), nn.LSTM(3, 4).double()
    x = torch.randn(5, 2, 3).double()
    x[..., 0] = 2.0  # a constant, of which weight_im makes ones
    with torch.no_grad():
        cell.weight_im.copy_(torch.tensor([[0.5, 0.0, 0.0]] * 4))
        nn.init.eye_(cell.weight_hm)
        torchs.weight_ih_l0.copy_(cell.weight_ih)
        torchs.weight_hh_l0.copy_(cell.weight_mh)
        torchs.bias_ih_l0.copy_(cell.bias)
        torchs.bias_hh_l0.zero_()
    output, last = unroll.unroll(cell, x, backend=backend)
    expected, (_, c) = torchs(x)
    torch.testing.assert_close((output, last.c), (expected, c[0]))


def test_gates_are_named_for_a_recording():
    cell, named = MultiplicativeLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["intermediate", "input_gate", "forget_gate", "candidate", "output_gate"]


def test_in_a_layer_with_lengths():
    layer = unroll.Recurrent(MultiplicativeLSTMCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.c.shape) == ((5, 2, 8), (4, 2, 4))


def test_promises_of_a_cell():
    check_cell(MultiplicativeLSTMCell)
