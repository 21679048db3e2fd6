import pytest
import torch
from torch import nn

import unroll
from unroll.cells import as_cell
from unroll.testing.comparison import (
    B,
    batch_row,
    check_same,
    describe_form,
    difference,
    joined,
    leaf,
    used_state,
)

CELL = unroll.LSTMCell(3, 4)


def state_of(h, c):
    return unroll.LSTMState(torch.tensor([[h]]).double(), torch.tensor([[c]]).double())


def test_the_difference_is_the_largest_of_all_fields():
    assert difference(state_of(1.0, 2.0), state_of(1.5, 0.0)) == 2.0
    assert difference(state_of(1.0, torch.nan), state_of(1.0, 2.0)) == float("inf")
    assert difference(torch.zeros(0, 4), torch.zeros(0, 4)) == 0.0


def test_rounding_is_the_same_and_more_is_not():
    check_same(CELL, "differs", state_of(1e6 + 1e-5, 2.0), state_of(1e6, 2.0))
    with pytest.raises(
        AssertionError, match=r"LSTMCell differs: the numbers are up to 1e-09 apart"
    ):
        check_same(CELL, "differs", state_of(1.0, 1e-9), state_of(1.0, 0.0))
    with pytest.raises(AssertionError, match="up to inf apart"):
        check_same(CELL, "differs", state_of(1.0, torch.nan), state_of(1.0, 0.0))


def test_another_structure_dtype_or_shape_is_not_the_same():
    for other in (torch.zeros(1, 1), state_of(1.0, 2.0).h.float(), torch.zeros(2, 1).double()):
        with pytest.raises(AssertionError, match=r"LSTMCell differs: .* instead of Tensor\(h"):
            check_same(CELL, "differs", other, torch.zeros(1, 1).double()[:, :0])
    assert describe_form(state_of(1.0, 2.0)).startswith("LSTMState(h [1, 1] torch.float64, c [1,")


def test_torchs_cell_is_called_by_its_own_name():
    with pytest.raises(AssertionError, match=r"^GRUCell differs"):
        check_same(as_cell(nn.GRUCell(3, 4)), "differs", torch.ones(1), torch.zeros(1))


def test_rows_of_a_batch_are_taken_apart_and_joined():
    state = used_state(unroll.LSTMCell(3, 4).double())
    outputs = torch.randn(5, B, 4)
    runs = [(outputs[:, b : b + 1], batch_row(state, b)) for b in range(B)]
    output, back = joined(runs)
    assert torch.equal(output, outputs) and torch.equal(back.c, state.c)


def test_a_leaf_is_a_copy_with_a_gradient_unless_it_is_of_whole_numbers():
    tensor = torch.ones(2)
    assert leaf(tensor).requires_grad and not tensor.requires_grad
    assert not leaf(torch.ones(2, dtype=torch.int64)).requires_grad
