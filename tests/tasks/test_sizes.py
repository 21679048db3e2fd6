"""Sizes of a stack are refused before anything is read."""

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.tasks.sizes import stack_output_size


def test_one_cell_is_made_for_each_layer():
    made = []

    def make_cell(width, hidden):
        made.append((width, hidden))
        return GRUCell(width, hidden)

    assert stack_output_size(make_cell, 5, 7, RecurrentSettings(layers=3)) == 7
    assert made == [(5, 7), (7, 7), (7, 7)]


def test_what_a_cell_refuses_is_raised():
    def make_cell(width, hidden):
        raise UserError("too small")

    with pytest.raises(UserError, match="too small"):
        stack_output_size(make_cell, 5, 7, RecurrentSettings())
