from math import exp, tanh

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def test_step_gives_the_numbers_of_the_equations():
    cell = unroll.GRUCell(1, 1)
    values = {
        "weight_ih": [[0.5], [-1.0], [2.0]],
        "weight_hh": [[1.0], [0.5], [-0.5]],
        "bias_ih": [0.1, 0.2, 0.3],
        "bias_hh": [-0.2, 1.0, 0.7],
    }
    cell.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    x, h = 0.75, -1.5
    r = sigmoid(0.5 * x + 1.0 * h - 0.1)
    z = sigmoid(-1.0 * x + 0.5 * h + 1.2)
    n = tanh(2.0 * x + 0.3 + r * (-0.5 * h + 0.7))  # the bias is inside: reset after the product
    expected = (1 - z) * n + z * h
    output, new = cell.double().step(torch.tensor([[x]]).double(), torch.tensor([[h]]).double())
    assert output.item() == pytest.approx(expected, abs=1e-6)  # the weights are float32's
    assert output is new
    assert expected == pytest.approx(-0.07991686351777277)  # decimal, 30 digits: cannot drift


def test_gates_are_named_for_a_recording():
    cell, named = unroll.GRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell.step(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["reset_gate", "update_gate", "candidate"]


def test_promises_of_a_cell():
    check_cell(unroll.GRUCell)
