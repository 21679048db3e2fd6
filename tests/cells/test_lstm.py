from math import exp, tanh

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
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


def test_step_gives_the_numbers_of_the_equations():
    cell = filled(
        unroll.LSTMCell(1, 1),
        weight_ih=[[0.5], [-1.0], [2.0], [0.25]],
        weight_hh=[[1.0], [0.5], [-0.5], [2.0]],
        bias_ih=[0.1, 0.2, 0.3, 0.4],
        bias_hh=[0.0, 1.0, 0.0, -0.4],
    )
    x, h, c = 2.0, 0.5, -1.0
    i = sigmoid(0.5 * x + 1.0 * h + 0.1)
    f = sigmoid(-1.0 * x + 0.5 * h + 1.2)
    g = tanh(2.0 * x - 0.5 * h + 0.3)
    o = sigmoid(0.25 * x + 2.0 * h + 0.0)
    new_c = f * c + i * g
    output, new = cell.step(torch.tensor([[x]]).double(), state_of([h], [c]))
    assert new.c.item() == pytest.approx(new_c, abs=1e-7)  # the weights are float32's
    assert output.item() == pytest.approx(o * tanh(new_c), abs=1e-7)
    assert output is new.h
    # worked out once with 30 digits (Python's decimal), so that this test cannot drift
    assert new_c == pytest.approx(0.46564902912892848)
    assert output.item() == pytest.approx(0.35538091730892811, abs=1e-7)


def test_gates_are_named_for_a_recording():
    cell, named = unroll.LSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell.step(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["input_gate", "forget_gate", "candidate", "output_gate"]


def test_promises_of_a_cell():
    check_cell(unroll.LSTMCell)
