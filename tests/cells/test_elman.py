import math

import pytest
import torch
from torch import nn

import unroll
from unroll.testing import check_cell


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value))
    return cell.double()


def both(nonlinearity="tanh", bias=True):
    torchs = nn.RNNCell(3, 4, bias, nonlinearity)
    ours = unroll.RNNCell(3, 4, bias, nonlinearity)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


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


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_forward_and_gradients_are_torchs_and_step_is_forward(nonlinearity, bias):
    ours, torchs = both(nonlinearity, bias)
    x, h = torch.randn(2, 3), torch.randn(2, 4)
    results = [ours(x, h), torchs(x, h), ours.step(x, h)[0]]
    gradients = [
        torch.autograd.grad(y.square().sum(), list(cell.parameters()))
        for y, cell in zip(results, [ours, torchs, ours], strict=True)
    ]
    for k in (1, 2):
        torch.testing.assert_close(results[0], results[k])
        torch.testing.assert_close(gradients[0], gradients[k])
    torch.testing.assert_close(ours(x[0]), torchs(x[0]))  # unbatched, state left out


def test_state_dict_goes_both_ways():
    ours, torchs = both()
    torchs.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(torchs.state_dict())


@pytest.mark.parametrize(
    "arguments",
    [
        (torch.zeros(2, 5),),
        (torch.zeros(2, 3), torch.zeros(2, 5)),
        (torch.zeros(2, 3), torch.zeros(1, 4)),
        (torch.zeros(2, 2, 3),),
        (torch.zeros(2, 3), torch.zeros(1, 2, 4)),
    ],
)
def test_errors_are_torchs(arguments):
    ours, torchs = both()
    with pytest.raises(Exception) as expected:
        torchs(*arguments)
    with pytest.raises(type(expected.value)) as got:
        ours(*arguments)
    assert str(got.value) == str(expected.value)


def test_unknown_nonlinearity_is_refused_when_called():
    with pytest.raises(RuntimeError, match="Unknown nonlinearity"):
        unroll.RNNCell(3, 4, nonlinearity="sine")(torch.zeros(2, 3))


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_promises_of_a_cell(nonlinearity):
    check_cell(lambda i, h: unroll.RNNCell(i, h, nonlinearity=nonlinearity))
