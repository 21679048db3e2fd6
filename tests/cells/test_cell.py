from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import unroll
from unroll.cells import as_cell, fields, map_state
from unroll.cells.cell import collecting_taps
from unroll.testing import check_cell


def test_output_is_as_wide_as_the_memory_unless_the_cell_says_otherwise():
    cell = unroll.Cell(3, 4)
    assert cell.output_size == 4
    cell.output_size = 7
    assert cell.output_size == 7


def test_initial_state_is_zeros_of_the_asked_dtype_and_device():
    state = unroll.Cell(3, 4).initial_state(2, dtype=torch.float64, device="meta")
    assert (state.shape, state.dtype, state.device.type) == ((2, 4), torch.float64, "meta")
    assert not unroll.Cell(3, 4).initial_state(2).any()


def test_no_noise_by_default():
    assert unroll.Cell(3, 4).noise() == {}


def test_tap_is_the_identity_and_tells_only_within_a_block():
    cell, a, b, seen = unroll.Cell(3, 4), torch.ones(1), torch.zeros(1), []
    assert cell.tap(a=a) is a
    with collecting_taps(lambda name, value: seen.append((name, value))):
        one, two = cell.tap(a=a, b=b)
    cell.tap(a=a)
    assert one is a
    assert two is b
    assert seen == [("a", a), ("b", b)]


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


class Inner(NamedTuple):
    h: Tensor
    c: Tensor


class Outer(NamedTuple):
    inner: Inner
    n: Tensor


def test_nested_states_are_mapped_and_named():
    state = Outer(Inner(torch.zeros(1), torch.ones(1)), torch.ones(1))
    assert [name for name, _ in fields(state)] == ["inner.h", "inner.c", "n"]
    doubled = map_state(lambda a, b: a + b, state, state)
    assert isinstance(doubled, Outer)
    assert doubled.inner.c.item() == 2


def test_states_of_other_structure_are_refused():
    with pytest.raises(ValueError, match="states of different structure"):
        map_state(torch.add, Inner(torch.zeros(1), torch.zeros(1)), torch.zeros(1))
