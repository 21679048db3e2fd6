from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll import FullGateRecurrenceLSTMCell, FullGateRecurrenceLSTMState, PeepholeLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_taps, check_zero_peepholes, with_weights_of


def sigmoid(v):
    return 1 / (1 + exp(-v))


def test_full_gate_recurrence_gives_the_numbers_of_the_equations():
    cell = with_weights_of(
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
        "ifgo",
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


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(FullGateRecurrenceLSTMCell, "ifgo")


def test_gates_are_named_for_a_recording():
    check_taps(FullGateRecurrenceLSTMCell, "ifgo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(FullGateRecurrenceLSTMCell)


def test_promises_of_a_cell():
    check_cell(FullGateRecurrenceLSTMCell)
