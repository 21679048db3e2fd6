"""A call, checked once."""

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.call import checked_call, checked_lengths, initial_state, matched, parameters_of

X = torch.zeros(4, 2, 3)


def test_a_checked_call_has_a_state_and_whole_lengths():
    call = checked_call(unroll.LSTMCell(3, 5), X, lengths=[4, 0])
    assert call.state.h.shape == (2, 5)
    assert call.lengths.tolist() == [4, 0] and call.lengths.dtype == torch.int64


def test_torchs_own_cell_is_called_with_parameters_by_its_own_names():
    cell = nn.GRUCell(3, 5)
    call = checked_call(cell, X, parameters={"weight_ih": cell.weight_ih})
    assert set(call.parameters) == {"cell.weight_ih"}
    assert "cell.weight_hh" in parameters_of(call)


def test_stand_ins_take_the_place_of_the_cells_tensors():
    cell, other = unroll.GRUCell(3, 5), torch.zeros(15, 3)
    call = checked_call(cell, X, parameters={"weight_ih": other})
    found = parameters_of(call)
    assert found["weight_ih"] is other
    assert found["weight_hh"] is cell.weight_hh
    assert parameters_of(call) is found


@pytest.mark.parametrize("wrong", [[5, 1], [-1, 1], [1], [1.0, 2.0], [True, False]])
def test_lengths_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="lengths"):
        checked_lengths(wrong, 4, 2, torch.device("cpu"))


def test_a_state_takes_the_structure_of_the_cells_own():
    initial = initial_state(unroll.LSTMCell(3, 5), X, None)
    found = matched((torch.ones(2, 5), torch.zeros(2, 5)), initial, "LSTMCell")
    assert type(found) is type(initial)
    with pytest.raises(ValueError, match="unroll got state"):
        matched(torch.ones(2, 5), initial, "LSTMCell")
