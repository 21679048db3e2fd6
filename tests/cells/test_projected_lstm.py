from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
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


@pytest.mark.parametrize("bias", [True, False])
def test_promises_of_a_projected_cell(bias):
    check_cell(lambda i, h: unroll.ProjectedLSTMCell(i, h, bias, proj_size=2))
