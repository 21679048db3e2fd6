import pytest
import torch
from torch import nn

import unroll
from unroll.cells.irnn import IRNNCell
from unroll.testing import check_cell


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


def filled(cell, **values):
    cell.double().load_state_dict(
        {k: torch.as_tensor(v, dtype=torch.float64) for k, v in values.items()}
    )
    return cell


def test_step_gives_the_numbers_of_the_equation():
    cell = filled(
        IRNNCell(1, 2),
        weight_ih=[[0.5], [-1.0]],
        weight_hh=[[1.0, 2.0], [0.25, 1.0]],
        bias=[0.1, 0],
    )
    output, new = cell(torch.tensor([[2.0]]).double(), torch.tensor([[0.5, 0.75]]).double())
    # 0.5*2 + 1*0.5 + 2*0.75 + 0.1 = 3.1;  -1*2 + 0.25*0.5 + 1*0.75 = -1.125, cut to 0
    torch.testing.assert_close(output, torch.tensor([[3.1, 0.0]]).double())
    assert output is new


def test_it_is_torchs_simple_network_of_rectified_units():
    cell = IRNNCell(3, 4).double()
    theirs = nn.RNN(3, 4, nonlinearity="relu").double()
    for parameter in cell.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    names = {"weight_ih_l0": cell.weight_ih, "weight_hh_l0": cell.weight_hh}
    biases = {"bias_ih_l0": cell.bias, "bias_hh_l0": torch.zeros(4)}
    theirs.load_state_dict(names | biases)
    x, h = wave(5, 2, 3, start=1), wave(2, 4, start=4)
    output, last = unroll.unroll(cell, x, h)
    expected, expected_last = theirs(x, h[None])
    torch.testing.assert_close((output, last), (expected, expected_last[0]))


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_it_starts_as_in_the_paper(scale):
    cell = IRNNCell(200, 100, identity_scale=scale)
    for _ in range(2):
        torch.testing.assert_close(cell.weight_hh, scale * torch.eye(100), rtol=0, atol=0)
        assert not cell.bias.any()
        assert cell.weight_ih.std().item() == pytest.approx(0.001, rel=0.05)
        assert abs(cell.weight_ih.mean().item()) < 5e-5
        nn.init.ones_(cell.bias)
        cell.reset_parameters()


def test_at_the_start_a_state_stays_and_the_gradient_comes_back_whole():
    cell = IRNNCell(3, 4)
    start = torch.rand(2, 4, requires_grad=True)
    _, last = unroll.unroll(cell, torch.zeros(50, 2, 3), start)
    assert torch.equal(last, start)
    (gradient,) = torch.autograd.grad(last.sum(), start)
    assert torch.equal(gradient, torch.ones(2, 4))


def test_layers_with_lengths_run():
    layer = unroll.Recurrent(IRNNCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 8), (4, 3, 4))


def test_it_is_compiled():
    unroll.unroll(IRNNCell(3, 4), torch.randn(5, 2, 3), backend="cpu")


def test_promises_of_a_cell():
    check_cell(IRNNCell)
