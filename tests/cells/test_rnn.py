import math

import pytest
import torch

import unroll
from unroll.testing import check_cell


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value))
    return cell.double()


def elman(**arguments):
    weights = {"weight_ih": [[0.5], [-1.0]], "weight_hh": [[0.0, 2.0], [0.25, 0.0]]}
    biases = {"bias_ih": [0.1, 0.2], "bias_hh": [0.0, -0.1]}
    return filled(unroll.RNNCell(1, 2, **arguments), **weights, **biases)


def test_step_gives_the_numbers_of_the_equation():
    x, h = torch.tensor([[2.0]]).double(), torch.tensor([[0.5, -0.5]]).double()
    output, new = elman().step(x, h)
    # 0.5*2 + 2*(-0.5) + 0.1 = 0.1;  -1*2 + 0.25*0.5 + 0.2 - 0.1 = -1.775
    expected = torch.tensor([[math.tanh(0.1), math.tanh(-1.775)]]).double()
    torch.testing.assert_close(output, expected)
    assert output is new


def test_relu_gives_the_numbers_of_the_equation():
    x, h = torch.tensor([[2.0]]).double(), torch.tensor([[0.5, -0.5]]).double()
    output, _ = elman(nonlinearity="relu").step(x, h)
    torch.testing.assert_close(output, torch.tensor([[0.1, 0.0]]).double())


def test_unknown_nonlinearity_is_refused_when_called():
    with pytest.raises(RuntimeError, match="Unknown nonlinearity"):
        unroll.RNNCell(3, 4, nonlinearity="sine")(torch.zeros(2, 3))


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_promises_of_a_cell(nonlinearity):
    check_cell(lambda i, h: unroll.RNNCell(i, h, nonlinearity=nonlinearity))


def test_an_unknown_nonlinearity_is_refused_as_torch_refuses_it():
    cell = unroll.RNNCell(3, 4, nonlinearity="sin")
    for call in (
        lambda: cell(torch.zeros(2, 3)),
        lambda: unroll.unroll(cell, torch.zeros(5, 2, 3)),
    ):
        with pytest.raises(RuntimeError, match="Unknown nonlinearity: sin"):
            call()
