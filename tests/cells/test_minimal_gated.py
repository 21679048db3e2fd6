from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.minimal_gated import MinimalGatedCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


def filled(cell, **values):
    cell.double().load_state_dict(
        {k: torch.as_tensor(v, dtype=torch.float64) for k, v in values.items()}
    )
    return cell


def test_step_gives_the_numbers_of_the_equations():
    cell = filled(
        MinimalGatedCell(1, 1), weight_ih=[[0.5], [2.0]], weight_hh=[[1.0], [-0.5]], bias=[0.1, 0.3]
    )
    x, h = 0.75, -1.5
    f = sigmoid(0.5 * x + 1.0 * h + 0.1)
    n = tanh(2.0 * x - 0.5 * (f * h) + 0.3)
    expected = (1 - f) * h + f * n
    output, new = cell(torch.tensor([[x]]).double(), torch.tensor([[h]]).double())
    assert output.item() == pytest.approx(expected, abs=1e-12)
    assert output is new


def test_numbers_of_onnxruntime():
    cell = filled(
        MinimalGatedCell(2, 3),
        weight_ih=wave(6, 2, start=2),
        weight_hh=wave(6, 3, start=3),
        bias=wave(6, start=5),
    )
    _, last = unroll.unroll(cell, wave(3, 2, 2, start=1), wave(2, 3, start=4))
    # Y_h of ONNX's GRU with linear_before_reset=0: its r has the rows of f, its z = 1 - f those
    # of f with their signs turned, its h those of n; onnxruntime 1.31.1, in float32
    expected = torch.tensor(
        [[0.31917623, 0.20615922, -0.62897104], [0.49429762, 0.63235784, -0.41198441]]
    )
    torch.testing.assert_close(last.float(), expected, rtol=0, atol=1e-6)


def test_it_is_torchs_gru_with_one_gate_in_both_places():
    # r = f, z = 1 - f = sigmoid(-...); r * (W h) = W (r * h) for a diagonal W
    cell, theirs = MinimalGatedCell(3, 4).double(), nn.GRU(3, 4).double()
    with torch.no_grad():
        cell.weight_hh[4:] = wave(4, start=1).diag()
    rows = {
        f"{name}_l0": torch.cat([v[:4], -v[:4], v[4:]])
        for name, v in [("weight_ih", cell.weight_ih), ("weight_hh", cell.weight_hh)]
    }
    bias = torch.cat([cell.bias[:4], -cell.bias[:4], cell.bias[4:]])
    theirs.load_state_dict(rows | {"bias_ih_l0": bias, "bias_hh_l0": torch.zeros(12)})
    x, h = wave(5, 2, 3, start=1), wave(2, 4, start=4)
    expected, expected_last = theirs(x, h[None])
    torch.testing.assert_close(unroll.unroll(cell, x, h), (expected, expected_last[0]))


def test_a_forget_gate_of_nought_keeps_the_state():
    cell = MinimalGatedCell(3, 4)
    with torch.no_grad():
        cell.bias[:4] = -100.0
    h = torch.randn(2, 4)
    assert torch.equal(cell(torch.randn(2, 3), h)[1], h)


def test_gates_are_named_for_a_recording():
    cell, named = MinimalGatedCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["forget_gate", "candidate"]


def test_layers_with_lengths_run():
    layer = unroll.Recurrent(MinimalGatedCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 8), (4, 3, 4))


def test_it_is_compiled():
    unroll.unroll(MinimalGatedCell(3, 4), torch.randn(5, 2, 3), backend="cpu")


def test_promises_of_a_cell():
    check_cell(MinimalGatedCell)
