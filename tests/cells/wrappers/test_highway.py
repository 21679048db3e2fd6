from math import exp, tanh

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.wrappers.highway import HighwayCell
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained


def sigmoid(v):
    return 1 / (1 + exp(-v))


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            cell.get_parameter(name).copy_(torch.tensor(value))
    return cell.double()


RNN = {
    "cell.weight_ih": [[2.0]],
    "cell.weight_hh": [[-1.0]],
    "cell.bias_ih": [0.0],
    "cell.bias_hh": [0.5],
}


def test_step_gives_the_numbers_of_the_equations():
    cell = HighwayCell(unroll.RNNCell(1, 1))
    filled(cell, **RNN, gate_weight=[[4.0]], gate_bias=[-1.0])
    output, new = cell.step(torch.tensor([[0.25]]).double(), torch.tensor([[0.5]]).double())
    y = tanh(2.0 * 0.25 - 0.5 + 0.5)
    g = sigmoid(4.0 * 0.25 - 1.0)  # 1/2
    assert g == 0.5
    assert output.item() == pytest.approx(0.5 * y + 0.5 * 0.25, rel=1e-14)
    assert new.item() == pytest.approx(y, rel=1e-14)  # what is fed back is the cell's own


def test_other_widths_are_projected():
    cell = HighwayCell(unroll.RNNCell(2, 1))
    values = RNN | {"cell.weight_ih": [[2.0, 0.0]]}
    filled(
        cell, **values, gate_weight=[[0.0, 1.0]], gate_bias=[2.0], projection_weight=[[3.0, -1.0]]
    )
    output, _ = cell.step(torch.tensor([[0.25, -1.5]]).double(), torch.tensor([[0.5]]).double())
    y, g = tanh(0.5), sigmoid(-1.5 + 2.0)
    assert output.item() == pytest.approx(g * y + (1 - g) * (3.0 * 0.25 + 1.5), rel=1e-14)


def test_at_first_the_input_is_carried():
    cell = HighwayCell(unroll.LSTMCell(4, 4))
    assert cell.gate_bias.tolist() == [-1.0] * 4
    assert cell.projection_weight is None
    torch.nn.init.constant_(cell.gate_bias, 5.0)
    before = cell.cell.weight_hh.clone()
    cell.reset_parameters()
    assert cell.gate_bias.tolist() == [-1.0] * 4
    assert not torch.equal(cell.cell.weight_hh, before)


def test_the_gate_is_named_for_a_recording():
    cell, named = HighwayCell(unroll.RNNCell(3, 4)), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell.step(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["transform_gate"]


@pytest.mark.parametrize("inner", INNER)
def test_promises_of_a_cell(inner):
    check_cell(lambda i, h: HighwayCell(INNER[inner](i, h)))


def test_promises_without_a_projection():
    check_cell(lambda i, h: HighwayCell(unroll.GRUCell(i, h)), input_size=4)


def test_training_mode_is_eval_mode():
    check_trained(lambda i, h: HighwayCell(unroll.LSTMCell(i, h)), noisy=False)


@pytest.mark.parametrize("inner", INNER)
def test_in_a_layer(inner):
    check_layer(lambda i, h: HighwayCell(INNER[inner](i, h)))
