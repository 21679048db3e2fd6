from math import exp, sqrt, tanh

import numpy as np
import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.layer_norm_lstm import LayerNormLSTMCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def test_step_gives_numbers_worked_by_hand():
    cell = LayerNormLSTMCell(1, 2).double()
    nn.init.zeros_(cell.weight_hh)  # W_hh h = 0, and its norm is 0
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[1.0], [3.0]] * 4))  # i i f f g g o o
        cell.gain_ih.copy_(torch.tensor([1.0, 1.0, 0.5, 0.5, 2.0, 2.0, 1.0, 1.0]))
        cell.bias[4] = 0.25
        cell.gain_memory.fill_(1.5)
        cell.bias_memory[0] = 0.125
    # x = 10: the sums are 10 and 30 four times, mean 20, variance 100, so the norm is -1 and 1
    # times s = sqrt(100 / (100 + 1e-5))
    s = sqrt(100 / (100 + 1e-5))
    c = [
        sigmoid(-0.5 * s) * 1.0 + sigmoid(-s) * tanh(-2 * s + 0.25),
        sigmoid(0.5 * s) * -1.0 + sigmoid(s) * tanh(2 * s),
    ]
    # two numbers: their mean is in the middle, and each lies half their distance from it
    half = (c[0] - c[1]) / 2
    r = half / sqrt(half**2 + 1e-5)
    h = [sigmoid(-s) * tanh(1.5 * r + 0.125), sigmoid(s) * tanh(-1.5 * r)]
    state = unroll.LSTMState(torch.randn(1, 2).double(), torch.tensor([[1.0, -1.0]]).double())
    output, new = cell(torch.tensor([[10.0]]).double(), state)
    assert new.c[0].tolist() == pytest.approx(c, abs=1e-12)
    assert output[0].tolist() == pytest.approx(h, abs=1e-12)
    assert output is new.h


def ln(x, b, s):
    """The norm of the authors' code (layers.py, `ln`), in numpy instead of theano."""
    return s * (x - x.mean(1)[:, None]) / np.sqrt(x.var(1)[:, None] + 1e-5) + b


@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_authors_equations_give_the_same(backend):
    T, B, I, H = 4, 3, 5, 6
    drawn = np.random.default_rng(0).standard_normal
    W, U, b, b1, b2, s1, s2 = (drawn(shape) for shape in ((I, 4 * H), (H, 4 * H), *[4 * H] * 5))
    b3, s3, x = drawn(H), drawn(H), drawn((T, B, I))
    h = c = np.zeros((B, H))
    for step in x:  # their order of gates is i, f, o, c
        sums = ln(step @ W, b1, s1) + ln(h @ U, b2, s2) + b
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in np.split(sums, 4, 1)[:3])
        c = f * c + i * np.tanh(np.split(sums, 4, 1)[3])
        h = o * np.tanh(ln(c, b3, s3))

    def rows(theirs):
        i, f, o, g = torch.tensor(theirs.T).chunk(4)
        return torch.cat([i, f, g, o])

    cell = LayerNormLSTMCell(I, H).double()
    cell.load_state_dict(
        {
            "weight_ih": rows(W),
            "weight_hh": rows(U),
            "bias": rows(b + b1 + b2),
            "gain_ih": rows(s1),
            "gain_hh": rows(s2),
            "gain_memory": torch.tensor(s3),
            "bias_memory": torch.tensor(b3),
        }
    )
    output, last = unroll.unroll(cell, torch.tensor(x), backend=backend)
    torch.testing.assert_close((output[-1], last.c), (torch.tensor(h), torch.tensor(c)))


def test_gains_start_at_one_and_biases_at_zero():
    cell = LayerNormLSTMCell(3, 4)
    for gain in (cell.gain_ih, cell.gain_hh, cell.gain_memory):
        assert (gain == 1).all()
    for bias in (cell.bias, cell.bias_memory):
        assert not bias.any()


def test_gates_are_named_for_a_recording():
    cell, named = LayerNormLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["input_gate", "forget_gate", "candidate", "output_gate"]


def test_in_a_layer_with_lengths():
    layer = unroll.Recurrent(LayerNormLSTMCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.c.shape) == ((5, 2, 8), (4, 2, 4))


def test_promises_of_a_cell():
    check_cell(LayerNormLSTMCell)
