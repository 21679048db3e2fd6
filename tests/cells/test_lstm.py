from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import tapped
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value))
    return cell.double()


def state_of(h, c):
    return unroll.LSTMState(torch.tensor([h]).double(), torch.tensor([c]).double())


def test_step_gives_the_numbers_of_the_equations():
    cell = filled(
        unroll.LSTMCell(1, 1),
        weight_ih=[[0.5], [-1.0], [2.0], [0.25]],
        weight_hh=[[1.0], [0.5], [-0.5], [2.0]],
        bias_ih=[0.1, 0.2, 0.3, 0.4],
        bias_hh=[0.0, 1.0, 0.0, -0.4],
    )
    x, h, c = 2.0, 0.5, -1.0
    i = sigmoid(0.5 * x + 1.0 * h + 0.1)
    f = sigmoid(-1.0 * x + 0.5 * h + 1.2)
    g = tanh(2.0 * x - 0.5 * h + 0.3)
    o = sigmoid(0.25 * x + 2.0 * h + 0.0)
    new_c = f * c + i * g
    output, new = cell.step(torch.tensor([[x]]).double(), state_of([h], [c]))
    assert new.c.item() == pytest.approx(new_c, abs=1e-7)  # the weights are float32's
    assert output.item() == pytest.approx(o * tanh(new_c), abs=1e-7)
    assert output is new.h
    # worked out once with 30 digits (Python's decimal), so that this test cannot drift
    assert new_c == pytest.approx(0.46564902912892848)
    assert output.item() == pytest.approx(0.35538091730892811, abs=1e-7)


def test_projection_gives_the_numbers_of_the_equation():
    cell = unroll.ProjectedLSTMCell(1, 2, proj_size=1)
    nn.init.zeros_(cell.weight_ih)
    filled(
        cell,
        weight_hh=[[0.0]] * 8,
        bias_ih=[0.0, 0.0, 9.0, 9.0, 1.0, -1.0, 0.0, 2.0],  # i i f f g g o o
        bias_hh=[0.0] * 8,
        weight_hr=[[3.0, -2.0]],
    )
    c = [sigmoid(9) * 0.5 + 0.5 * tanh(1.0), sigmoid(9) * -0.5 + 0.5 * tanh(-1.0)]
    h = 3.0 * 0.5 * tanh(c[0]) - 2.0 * sigmoid(2.0) * tanh(c[1])
    output, new = cell(torch.ones(1, 1).double(), state_of([0.0], [0.5, -0.5]))
    torch.testing.assert_close(new.c, torch.tensor([c]).double())
    torch.testing.assert_close(output, torch.tensor([[h]]).double())


def test_gates_are_named_for_a_recording():
    cell, named = unroll.LSTMCell(3, 4), []
    with tapped(lambda name, value: named.append(name)):
        cell.step(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["input_gate", "forget_gate", "candidate", "output_gate"]


def test_projected_layer_of_torch_gives_the_same():
    layer = nn.LSTM(3, 5, proj_size=2).double()  # in float32 torch warns that oneDNN has no kernel
    cell = unroll.ProjectedLSTMCell(3, 5, proj_size=2).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x, *start = torch.randn(1, 2, 10).double().split([3, 2, 5], 2)
    output, (h, c) = layer(x, tuple(start))
    got, state = cell(x[0], unroll.LSTMState(start[0][0], start[1][0]))
    torch.testing.assert_close((got, state.h, state.c), (output[0], h[0], c[0]))


@pytest.mark.parametrize("size", [0, 4, 9])
def test_projection_must_be_smaller_than_the_memory(size):
    with pytest.raises(ValueError, match=f"proj_size={size}; expected a number from 1 to 3"):
        unroll.ProjectedLSTMCell(3, 4, proj_size=size)


def test_promises_of_a_cell():
    check_cell(unroll.LSTMCell)


@pytest.mark.parametrize("bias", [True, False])
def test_promises_of_a_projected_cell(bias):
    check_cell(lambda i, h: unroll.ProjectedLSTMCell(i, h, bias, proj_size=2))
