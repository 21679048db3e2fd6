"""One step at a time through the kernels."""

import pytest
import torch

import unroll
from unroll.cells import fields
from unroll.engine import cpu
from unroll.engine.call import checked_call
from unroll.engine.cpu import build
from unroll.engine.cpu.stepping import Stepping

pytestmark = pytest.mark.skipif(build.unavailable() is not None, reason="no kernels here")


@pytest.fixture(scope="module")
def cell():
    torch.manual_seed(0)
    return unroll.GRUCell(3, 5)


def stepping(cell, batch=2, table=None):
    found = cpu.step_by_step(checked_call(cell, torch.zeros(1, batch, 3)), table)
    assert isinstance(found, Stepping)
    return found


@torch.no_grad()
def test_steps_are_those_of_a_call(cell):
    x = torch.randn(4, 2, 3)
    expected, last = unroll.unroll(cell, x, backend="loop")
    steps = stepping(cell)
    torch.testing.assert_close(torch.stack([steps(now) for now in x]), expected)
    torch.testing.assert_close(steps.state, last)


@torch.no_grad()
def test_rows_of_a_table_are_read_by_their_numbers(cell):
    table, ids = torch.randn(6, 3), torch.tensor([[1, 5], [0, 2]])
    steps, by_table = stepping(cell), stepping(cell, table=table)
    for row in ids:
        torch.testing.assert_close(by_table(row), steps(table[row]))


@torch.no_grad()
def test_sequences_that_are_kept_keep_their_state(cell):
    steps = stepping(cell)
    steps(torch.randn(2, 3))
    before = steps.state.clone()
    steps.select(torch.tensor([1]))
    torch.testing.assert_close(steps.state, before[1:])
    assert [f.shape[0] for _, f in fields(steps.state)] == [1]


def test_inputs_of_another_shape_are_refused(cell):
    with pytest.raises(ValueError, match=r"expected \[B=2, I=3\]"):
        stepping(cell)(torch.zeros(3, 3))
    with pytest.raises(IndexError, match="its table has 6 rows"):
        stepping(cell, 1, torch.zeros(6, 3))(torch.tensor([6]))
