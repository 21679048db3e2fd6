import pytest
import torch
from torch import nn

import unroll
from unroll.cells import as_cell
from unroll.testing import check_cell


@pytest.mark.parametrize("torchs", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_torchs_own_cells_are_cells(torchs):
    cell = torchs(3, 4)
    adapted = as_cell(cell)
    assert adapted.cell is cell  # shared, not copied
    assert (adapted.input_size, adapted.hidden_size, adapted.output_size) == (3, 4, 4)
    x, state = torch.randn(2, 3), adapted.initial_state(2)
    output, new = adapted.step(x, state)
    expected = cell(x)
    if torchs is nn.LSTMCell:
        assert isinstance(new, unroll.LSTMState)
        torch.testing.assert_close(tuple(new), expected)
        expected = expected[0]
    torch.testing.assert_close(output, expected)


@pytest.mark.parametrize("torchs", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_promises_of_torchs_own_cells(torchs):
    check_cell(torchs)


def test_a_cell_is_itself():
    cell = unroll.GRUCell(3, 4)
    assert as_cell(cell) is cell


def test_what_is_no_cell_is_refused_in_a_sentence():
    with pytest.raises(TypeError, match=r"Got Linear; expected a cell.*Subclass unroll\.Cell"):
        as_cell(nn.Linear(3, 4))
