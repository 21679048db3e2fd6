from typing import NamedTuple

import pytest
import torch
from torch import Tensor

import unroll
from unroll.cells import fields, map_state
from unroll.cells.state import describe


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


def test_a_description_has_the_fields_and_their_shapes():
    state = unroll.LSTMState(torch.zeros(2, 4), torch.zeros(2, 5))
    assert describe(state) == "LSTMState(h [2, 4], c [2, 5])"
    assert describe(torch.zeros(2, 4)) == "[2, 4]"
    assert describe("no state") == "str"
