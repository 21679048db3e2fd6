from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.peephole_lstm import PeepholeLSTMCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def waves(phase, *shape):
    """Numbers that another library can be given too: sin(phase), sin(phase + 1), ..."""
    return torch.sin(phase + torch.arange(torch.Size(shape).numel())).view(shape)


def filled(cell, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.as_tensor(value))
    return cell.double()


def test_step_gives_the_numbers_of_the_equations():
    cell = filled(
        PeepholeLSTMCell(1, 1).double(),
        weight_ih=[[0.5], [-1.0], [2.0], [0.25]],
        weight_hh=[[1.0], [0.5], [-0.5], [2.0]],
        bias=torch.tensor([0.1, 1.2, 0.3, 0.0]).double(),
        peephole_input=torch.tensor([0.3]).double(),
        peephole_forget=torch.tensor([-0.7]).double(),
        peephole_output=torch.tensor([0.9]).double(),
    )
    x, h, c = 2.0, 0.5, -1.0
    i = sigmoid(0.5 * x + 1.0 * h + 0.1 + 0.3 * c)
    f = sigmoid(-1.0 * x + 0.5 * h + 1.2 - 0.7 * c)
    g = tanh(2.0 * x - 0.5 * h + 0.3)
    new_c = f * c + i * g
    o = sigmoid(0.25 * x + 2.0 * h + 0.9 * new_c)  # the output gate sees the new memory
    state = unroll.LSTMState(torch.tensor([[h]]).double(), torch.tensor([[c]]).double())
    output, new = cell(torch.tensor([[x]]).double(), state)
    assert new.c.item() == pytest.approx(new_c, abs=1e-7)  # the weights are float32's
    assert output.item() == pytest.approx(o * tanh(new_c), abs=1e-7)
    assert output is new.h
    # worked out once with 40 digits (Python's decimal), so that this test cannot drift
    assert new_c == pytest.approx(0.24792821911541488)
    assert output.item() == pytest.approx(0.20616802759783839, abs=1e-7)


@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_onnx_gives_the_same(backend):
    # onnxruntime 1.31 on one LSTM node (opset 14) with W, R, B, P, initial_h and initial_c set to
    # these waves, the rows of W, R and B put in the order i, o, f, g and P in i, o, f
    cell = filled(
        PeepholeLSTMCell(3, 2),
        weight_ih=waves(0, 8, 3),
        weight_hh=waves(1, 8, 2),
        bias=waves(2, 8),
        peephole_input=waves(3, 2),
        peephole_forget=waves(5, 2),
        peephole_output=waves(7, 2),
    ).float()
    start = unroll.LSTMState(waves(5, 2, 2), waves(6, 2, 2))
    output, last = unroll.unroll(cell, waves(4, 3, 2, 3), start, backend=backend)
    h = [[-0.25817123, 0.63856024], [0.68688029, -0.06554552]]
    c = [[-0.44545963, 1.03928971], [0.94967359, -0.13530150]]
    torch.testing.assert_close(output[-1], torch.tensor(h), atol=1e-6, rtol=0)
    torch.testing.assert_close(last.c, torch.tensor(c), atol=1e-6, rtol=0)


def test_without_peepholes_it_is_torchs_cell():
    cell, torchs = PeepholeLSTMCell(3, 4).double(), nn.LSTMCell(3, 4).double()
    with torch.no_grad():
        torchs.weight_ih.copy_(cell.weight_ih)
        torchs.weight_hh.copy_(cell.weight_hh)
        torchs.bias_ih.copy_(cell.bias)
        torchs.bias_hh.zero_()
        for peephole in (cell.peephole_input, cell.peephole_forget, cell.peephole_output):
            peephole.zero_()
    x, state = torch.randn(2, 3).double(), torch.randn(2, 2, 4).double().unbind()
    torch.testing.assert_close(tuple(cell(x, unroll.LSTMState(*state))[1]), torchs(x, state))


@pytest.mark.parametrize("letters", ["i", "f", "o", "if", "io", "fo", "ifo", ""])
@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_any_of_the_gates_may_see_the_memory(letters, backend):
    torch.manual_seed(1)
    cell = PeepholeLSTMCell(1, 1, peepholes=letters).double()
    W, U, b = (p.detach().flatten().tolist() for p in (cell.weight_ih, cell.weight_hh, cell.bias))
    peepholes = (cell.peephole_input, cell.peephole_forget, cell.peephole_output)
    p = {
        gate: 0.0 if peephole is None else peephole.item()
        for gate, peephole in zip("ifo", peepholes, strict=True)
    }
    assert {gate for gate, weight in p.items() if weight} == set(letters)
    h, c, xs = 0.5, -1.5, [2.0, -1.0, 0.3]
    start = unroll.LSTMState(torch.tensor([[h]]).double(), torch.tensor([[c]]).double())
    for x in xs:
        i = sigmoid(W[0] * x + U[0] * h + b[0] + p["i"] * c)
        f = sigmoid(W[1] * x + U[1] * h + b[1] + p["f"] * c)
        g = tanh(W[2] * x + U[2] * h + b[2])
        c = f * c + i * g
        o = sigmoid(W[3] * x + U[3] * h + b[3] + p["o"] * c)
        h = o * tanh(c)
    output, last = unroll.unroll(
        cell, torch.tensor(xs, dtype=torch.float64).view(3, 1, 1), start, backend=backend
    )
    assert output[-1].item() == pytest.approx(h, abs=1e-12)
    assert last.c.item() == pytest.approx(c, abs=1e-12)
    assert len(list(cell.parameters())) == 3 + len(letters)


def test_peepholes_of_all_gates_are_the_default_and_other_letters_are_refused():
    torch.manual_seed(2)
    default = PeepholeLSTMCell(2, 3)
    torch.manual_seed(2)
    named = PeepholeLSTMCell(2, 3, peepholes="ofi")
    assert all(map(torch.equal, default.parameters(), named.parameters()))
    assert len(list(PeepholeLSTMCell(2, 3, peepholes=False).parameters())) == 3
    for wrong in ("g", "all", 3):
        with pytest.raises(ValueError, match='letters of "ifo"'):
            PeepholeLSTMCell(2, 3, peepholes=wrong)
    coupled = unroll.CoupledLSTMCell(2, 3, peepholes="o")
    assert coupled.peephole_input is None and coupled.peephole_output.shape == (3,)
    with pytest.raises(ValueError, match='letters of "io"'):
        unroll.CoupledLSTMCell(2, 3, peepholes="f")


def test_gates_are_named_for_a_recording():
    cell, named = PeepholeLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["input_gate", "forget_gate", "candidate", "output_gate"]


def test_in_a_layer_with_lengths():
    layer = unroll.Recurrent(PeepholeLSTMCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.c.shape) == ((5, 2, 8), (4, 2, 4))


def test_promises_of_a_cell():
    check_cell(PeepholeLSTMCell)
