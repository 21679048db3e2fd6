"""Formulas of the numbers of parameters; tests/test_zoo_document.py holds those of docs/cells.md."""

import pytest
import torch
from torch import nn

from unroll.cells import Cell, cell_factory
from unroll.cells.count import count_parameters, parameters_per_unit


def test_options_change_the_parameters():
    made = parameters_per_unit(cell_factory("lstm", bias=False))
    assert made == {"trained": "4 I + 4 H"}


def test_numbers_that_follow_no_formula_are_told():
    class Odd(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.weight = nn.Parameter(torch.zeros(hidden_size % 7, input_size % 5))

    assert count_parameters(Odd(3, 4)) == (12, 0)
    with pytest.raises(ValueError, match="follow no formula"):
        parameters_per_unit(Odd)


def test_fixed_numbers_are_counted_apart():
    counted = parameters_per_unit(cell_factory("echo_state"))
    assert counted == {"trained": "0", "fixed": "I + H + 1"}


def test_fractions_and_numbers_per_layer_are_written_out():
    def make(input_size, hidden_size):
        cell = Cell(input_size, hidden_size)
        cell.weight = nn.Parameter(torch.zeros(5 * hidden_size // 8, hidden_size))
        cell.scale = nn.Parameter(torch.zeros(input_size))
        return cell

    assert parameters_per_unit(make) == {"trained": "5/8 H + I / H"}
