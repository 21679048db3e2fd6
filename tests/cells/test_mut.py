from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.mut import MUT1Cell, MUT2Cell, MUT3Cell
from unroll.testing import check_cell

cells = pytest.mark.parametrize("make", [MUT1Cell, MUT2Cell, MUT3Cell])


def sigmoid(v):
    return 1 / (1 + exp(-v))


def doubles(values):
    return torch.tensor(values, dtype=torch.float64)


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


STARTS = {"weight_ih": 2, "weight_hh": 3, "bias": 5, "input_projection": 6}


def waving(cell):
    with torch.no_grad():
        for name, parameter in cell.double().named_parameters():
            parameter.copy_(wave(*parameter.shape, start=STARTS[name]))
    return cell


# Y_h of ONNX's GRU with linear_before_reset=0 (onnxruntime 1.31.1, float32), whose z is 1 - z of
# these units: the rows and biases of z with their signs turned. For MUT1 the input is x with
# tanh(x) (or tanh(P x), P the projection) beside it, which the candidate takes through the
# identity, and z has no recurrent rows. For MUT2 the rows of r over x are the identity, or P. For
# MUT3 it ran one step at a time, with tanh(h) beside x for z.
ONNXRUNTIME = [
    (MUT1Cell, 3, [[-0.35913399, 0.13113247, 0.22978987], [-0.71884894, -0.53395468, 0.07330871]]),
    (MUT1Cell, 2, [[-0.72894514, -0.49604854, 0.30531591], [-0.45344067, -0.64607495, 0.47189510]]),
    (MUT2Cell, 3, [[-0.85653734, 0.13344118, -0.47271761], [-0.51405996, -0.57361031, 0.58357716]]),
    (MUT2Cell, 2, [[-0.65727466, -0.08353396, 0.02731638], [-0.69506156, 0.28670830, 0.31427443]]),
    (MUT3Cell, 2, [[-0.66612166, -0.11198077, 0.03881278], [-0.61251885, 0.10508540, 0.35719463]]),
]


@pytest.mark.parametrize(("make", "input_size", "expected"), ONNXRUNTIME)
def test_numbers_of_onnxruntime(make, input_size, expected):
    cell = waving(make(input_size, 3))
    _, last = unroll.unroll(cell, wave(3, 2, input_size, start=1), wave(2, 3, start=4))
    torch.testing.assert_close(last.float(), torch.tensor(expected), rtol=0, atol=1e-6)


def test_steps_give_the_numbers_of_the_equations():
    x, h = 0.75, -1.5
    w = [0.5, -1.0, 2.0]  # of whatever reads x, in the order of the rows
    u = [1.0, -0.5, 0.25]  # of whatever reads h
    b = [0.1, 0.2, 0.3]  # r, z, n

    def step(make):
        cell = make(1, 1).double()
        with torch.no_grad():
            cell.weight_ih.copy_(doubles(w[: make.input_blocks])[:, None])
            cell.weight_hh.copy_(doubles(u[: make.recurrent_blocks])[:, None])
            cell.bias.copy_(doubles(b))
        output, new = cell(doubles([[x]]), doubles([[h]]))
        assert output is new
        return output.item()

    # MUT1: weight_ih r, z; weight_hh r, n
    z, r = sigmoid(w[1] * x + b[1]), sigmoid(w[0] * x + u[0] * h + b[0])
    n = tanh(u[1] * (r * h) + tanh(x) + b[2])
    assert step(MUT1Cell) == pytest.approx(n * z + h * (1 - z), abs=1e-12)
    # MUT2: weight_ih z, n; weight_hh r, z, n
    z, r = sigmoid(w[0] * x + u[1] * h + b[1]), sigmoid(x + u[0] * h + b[0])
    n = tanh(u[2] * (r * h) + w[1] * x + b[2])
    assert step(MUT2Cell) == pytest.approx(n * z + h * (1 - z), abs=1e-12)
    # MUT3: r, z, n
    z, r = sigmoid(w[1] * x + u[1] * tanh(h) + b[1]), sigmoid(w[0] * x + u[0] * h + b[0])
    n = tanh(u[2] * (r * h) + w[2] * x + b[2])
    assert step(MUT3Cell) == pytest.approx(n * z + h * (1 - z), abs=1e-12)


@pytest.mark.parametrize("make", [MUT1Cell, MUT2Cell])
def test_a_projection_stands_in_only_where_the_widths_differ(make):
    assert make(4, 4).input_projection is None
    assert "input_projection" not in make(4, 4).state_dict()
    wide = waving(make(3, 4))
    assert wide.input_projection.shape == (4, 3)
    # as printed on inputs that the projection made wide, the other products the same
    as_printed = make(4, 4).double()
    back = torch.linalg.pinv(wide.input_projection)
    values = {k: v for k, v in wide.state_dict().items() if k != "input_projection"}
    as_printed.load_state_dict(values | {"weight_ih": wide.weight_ih @ back})
    x, h = wave(5, 2, 3, start=1), wave(2, 4, start=4)
    expected = unroll.unroll(as_printed, x @ wide.input_projection.T, h)
    torch.testing.assert_close(unroll.unroll(wide, x, h), expected)


def test_the_third_takes_any_width():
    assert MUT3Cell(3, 4).input_projection is None


@cells
def test_an_update_gate_of_nought_keeps_the_state(make):
    cell = make(3, 4)
    with torch.no_grad():
        cell.bias[4:8] = -100.0
    h = torch.randn(2, 4)
    assert torch.equal(cell(torch.randn(2, 3), h)[1], h)


@cells
def test_gates_are_named_for_a_recording(make):
    cell, named = make(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["update_gate", "reset_gate", "candidate"]


@cells
def test_parameters_are_drawn_anew(make):
    cell = make(3, 16)
    for parameter in cell.parameters():
        nn.init.zeros_(parameter)
    cell.reset_parameters()
    for parameter in cell.parameters():
        assert 0.2 < parameter.abs().max() <= 0.25


@cells
def test_layers_with_lengths_run(make):
    layer = unroll.Recurrent(make, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 8), (4, 3, 4))


@cells
def test_it_is_compiled(make):
    unroll.unroll(make(3, 4), torch.randn(5, 2, 3), backend="cpu")


@cells
@pytest.mark.parametrize("input_size", [3, 4])
def test_promises_of_a_cell(make, input_size):
    check_cell(make, input_size=input_size)
