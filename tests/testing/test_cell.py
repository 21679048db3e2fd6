"""check_cell passes right cells; the other files of this folder show it failing on wrong ones."""

import logging

import pytest
import torch
from torch import nn

import unroll
from unroll.testing import check_cell

from .right_cells import RightCell, RightClockCell, RightLinearCell


@pytest.mark.parametrize("cell", [RightCell, RightClockCell, RightLinearCell])
@pytest.mark.parametrize("sizes", [(3, 4), (1, 1), (5, 2)])
def test_a_right_cell_passes(cell, sizes):
    check_cell(cell, input_size=sizes[0], hidden_size=sizes[1])


def test_the_random_state_is_left_as_it_was():
    before = torch.get_rng_state()
    check_cell(RightCell)
    assert torch.equal(before, torch.get_rng_state())


def test_every_backend_can_be_checked(caplog):
    caplog.set_level(logging.WARNING, logger="unroll")
    with unroll.backend("loop"):
        check_cell(unroll.LSTMCell)
    assert not caplog.records


def test_what_is_no_cell_is_refused():
    with pytest.raises(TypeError, match="Got Linear; expected a cell"):
        check_cell(nn.Linear)
