from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import tapped
from unroll.cells.lstm_variants import (
    CoupledLSTMCell,
    FullGateRecurrenceLSTMCell,
    FullGateRecurrenceLSTMState,
    NoForgetGateLSTMCell,
    NoInputActivationLSTMCell,
    NoInputGateLSTMCell,
    NoOutputActivationLSTMCell,
    NoOutputGateLSTMCell,
)
from unroll.cells.peephole_lstm import PeepholeLSTMCell
from unroll.testing import check_cell

BLOCKS = {
    NoInputGateLSTMCell: "fgo",
    NoForgetGateLSTMCell: "igo",
    NoOutputGateLSTMCell: "ifg",
    NoInputActivationLSTMCell: "ifgo",
    NoOutputActivationLSTMCell: "ifgo",
    CoupledLSTMCell: "igo",
    FullGateRecurrenceLSTMCell: "ifgo",
}
NAMES = {"i": "input", "f": "forget", "o": "output"}


def sigmoid(v):
    return 1 / (1 + exp(-v))


def waves(phase, *shape):
    """Numbers that another library can be given too: sin(phase), sin(phase + 1), ..."""
    return torch.sin(phase + torch.arange(torch.Size(shape).numel())).view(shape)


def filled(cell, whole):
    """The cell with those rows of the whole LSTM's weights that it has."""

    def rows(matrix):
        return torch.cat([matrix.chunk(4)["ifgo".index(k)] for k in BLOCKS[type(cell)]])

    weights = {name: rows(whole[name]) for name in ("weight_ih", "weight_hh", "bias")}
    missing = cell.load_state_dict(
        weights | {name: whole[name] for name in cell.state_dict() if name not in weights}
    )
    assert not missing.missing_keys
    return cell


# What onnxruntime 1.31 gives for one LSTM node (opset 14) whose W, R, B, P, initial_h and initial_c
# are the waves below, the rows put in ONNX's order i, o, f, g and P in i, o, f: output and memory
# after three steps. A gate is taken away by a bias of 10,000 and zero weights, a tanh by
# activations=[Sigmoid, Affine, Tanh] or [Sigmoid, Tanh, Affine] with alpha 1 and beta 0, and
# input_forget=1 couples.
ONNX = {
    NoInputGateLSTMCell: (
        [[-0.43210718, 0.81051338], [0.72478473, -0.21563938]],
        [[-1.31197727, 1.64374208], [1.03158903, -0.66355389]],
    ),
    NoForgetGateLSTMCell: (
        [[-0.45416370, 0.87554514], [0.95795590, 0.02764523]],
        [[-1.22343016, 2.01131535], [2.29193664, 0.04646154]],
    ),
    NoOutputGateLSTMCell: (
        [[-0.44310051, 0.77027965], [0.74110991, -0.14392266]],
        [[-0.47608221, 1.02101505], [0.95293725, -0.14492893]],
    ),
    NoInputActivationLSTMCell: (
        [[-0.39016908, 0.77191311], [0.78752798, -0.07985275]],
        [[-0.85257751, 1.46161556], [1.21333635, -0.16595232]],
    ),
    NoOutputActivationLSTMCell: (
        [[-0.29827374, 0.84033674], [0.88513839, -0.06899028]],
        [[-0.46879527, 1.03374147], [0.95206761, -0.14034265]],
    ),
    CoupledLSTMCell: (
        [[-0.34273097, 0.55619901], [0.55972391, 0.03745056]],
        [[-0.70759404, 0.87734431], [0.70277619, 0.07295871]],
    ),
}
WHOLE = {
    "weight_ih": waves(0, 8, 3),
    "weight_hh": waves(1, 8, 2),
    "bias": waves(2, 8),
    "peephole_input": waves(3, 2),
    "peephole_forget": waves(5, 2),
    "peephole_output": waves(7, 2),
}


def run(cell, backend):
    start = unroll.LSTMState(waves(5, 2, 2), waves(6, 2, 2))
    output, last = unroll.unroll(cell, waves(4, 3, 2, 3), start, backend=backend)
    return output[-1], last.c


@pytest.mark.parametrize("backend", ["loop", "cpu"])
@pytest.mark.parametrize("variant", ONNX)
def test_onnx_gives_the_same(variant, backend):
    got = run(filled(variant(3, 2), WHOLE), backend)
    torch.testing.assert_close(got, tuple(map(torch.tensor, ONNX[variant])), atol=1e-6, rtol=0)


@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_onnx_couples_without_peepholes_too(backend):
    # as above, without P
    h = [[-0.38628861, 0.44288269], [0.53758883, 0.00964847]]
    c = [[-0.69106007, 0.90605134], [0.70982397, 0.01936300]]
    got = run(filled(CoupledLSTMCell(3, 2, peepholes=False), WHOLE), backend)
    torch.testing.assert_close(got, (torch.tensor(h), torch.tensor(c)), atol=1e-6, rtol=0)


def test_full_gate_recurrence_gives_the_numbers_of_the_equations():
    cell = filled(
        FullGateRecurrenceLSTMCell(1, 1).double(),
        {
            "weight_ih": torch.tensor([[0.5], [-1.0], [2.0], [0.25]]),
            "weight_hh": torch.tensor([[1.0], [0.5], [-0.5], [2.0]]),
            "bias": torch.tensor([0.125, 1.25, 0.375, 0.5]),
            "weight_gates": torch.tensor([[0.5, -0.25, 1.0], [2.0, 0.75, -1.0], [-0.5, 1.5, 0.25]]),
            "peephole_input": torch.tensor([0.25]),
            "peephole_forget": torch.tensor([-0.75]),
            "peephole_output": torch.tensor([0.875]),
        },
    )
    h = c = i = f = o = 0.0
    for x in (2.0, -1.5):  # two steps, because the gates are zero before the first
        # the loop of the authors' layer (pylstm's lstm97_layer.cpp), whose FI is what F takes from I
        new_i = 0.5 * x + 1.0 * h + 0.5 * i - 0.25 * f + 1.0 * o + 0.125 + 0.25 * c
        new_f = -1.0 * x + 0.5 * h + 2.0 * i + 0.75 * f - 1.0 * o + 1.25 - 0.75 * c
        a_o = 0.25 * x + 2.0 * h - 0.5 * i + 1.5 * f + 0.25 * o + 0.5
        i, f, g = sigmoid(new_i), sigmoid(new_f), tanh(2.0 * x - 0.5 * h + 0.375)
        c = f * c + i * g
        o = sigmoid(a_o + 0.875 * c)
        h = o * tanh(c)
    output, last = unroll.unroll(cell, torch.tensor([[[2.0]], [[-1.5]]]).double(), backend="cpu")
    assert [field.item() for field in last] == pytest.approx([h, c, i, f, o], abs=1e-12)
    assert output[-1].item() == last.h.item()


def test_gates_that_read_no_gates_are_those_of_the_peephole_lstm():
    cell, plain = FullGateRecurrenceLSTMCell(3, 4).double(), PeepholeLSTMCell(3, 4).double()
    nn.init.zeros_(cell.weight_gates)
    plain.load_state_dict({k: v for k, v in cell.state_dict().items() if k != "weight_gates"})
    x, state = torch.randn(2, 3).double(), torch.randn(5, 2, 4).double().unbind()
    _, new = cell(x, FullGateRecurrenceLSTMState(*state))
    torch.testing.assert_close((new.h, new.c), tuple(plain(x, unroll.LSTMState(*state[:2]))[1]))


@pytest.mark.parametrize("variant", BLOCKS)
def test_peepholes_of_zero_are_none(variant):
    cell, without = variant(3, 4), variant(3, 4, peepholes=False)
    names = {name for name, _ in cell.named_parameters() if name.startswith("peephole_")}
    assert names == {f"peephole_{NAMES[k]}" for k in BLOCKS[variant] if k != "g"}
    for name in names:
        nn.init.zeros_(getattr(cell, name))
    without.load_state_dict({k: v for k, v in cell.state_dict().items() if k not in names})
    x = torch.randn(3, 2, 3)
    with unroll.backend("loop"):
        torch.testing.assert_close(unroll.unroll(without, x), unroll.unroll(cell, x))


@pytest.mark.parametrize("variant", BLOCKS)
def test_gates_are_named_for_a_recording(variant):
    cell, named = variant(3, 4), []
    with tapped(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    known = {"i": "input_gate", "f": "forget_gate", "g": "candidate", "o": "output_gate"}
    couples = variant is CoupledLSTMCell
    assert named == [known[k] for k in ("ifgo" if couples else BLOCKS[variant])]


@pytest.mark.parametrize("variant", BLOCKS)
def test_in_a_layer_with_lengths(variant):
    layer = unroll.Recurrent(variant, 3, 4, num_layers=2, bidirectional=True)
    with unroll.backend("loop"):
        output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.c.shape) == ((5, 2, 8), (4, 2, 4))


@pytest.mark.parametrize("variant", BLOCKS)
def test_promises_of_a_cell(variant):
    check_cell(variant)
