"""What can be asked of a traced value."""

import pytest
import torch

from unroll.engine.compiler.trace import graph_of
from unroll.engine.compiler.traced import (
    as_list,
    axis_slice,
    constant_of,
    is_constant,
    is_part,
    is_rows,
    is_sum,
    name_of,
    sums_last_axis,
    unique,
    width_of,
)

B = 7


def traced(function, *shapes):
    """The value that a function returns of tensors of these shapes."""
    graph = graph_of(lambda *t: [function(*t)], [torch.ones(s) for s in shapes]).graph
    return next(n for n in graph.nodes if n.op == "output").args[0][0]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.tanh, "tanh"),
        (lambda x: x @ x.t(), "mm"),
        (lambda x: x.split(2, 1)[0], "getitem"),
        (lambda x: x[:, 1:3], "slice"),
    ],
)
def test_an_operation_is_known_by_its_name(function, name):
    assert name_of(traced(function, (B, 4))) == name


def test_the_width_of_a_value_is_its_columns():
    assert width_of(traced(torch.tanh, (B, 4))) == 4
    assert width_of(traced(torch.tanh, (4,))) == 4
    assert width_of(traced(torch.sum, (B, 4))) == 1


def test_a_part_is_known_by_its_axis_and_its_beginning():
    node = traced(lambda x: x[:, 1:3], (B, 4))
    assert is_part(node)
    axis, whole, lo = axis_slice(node)
    assert (axis, whole.op, lo) == (1, "placeholder", 1)
    axis, whole, lo = axis_slice(traced(lambda x: x.split(2, 1)[1], (B, 4)))
    assert (axis, whole.op, lo) == (1, "placeholder", 2)
    assert axis_slice(traced(lambda x: x[:, ::2], (B, 4)))[1] is None


def test_a_constant_is_a_number_of_its_type():
    node = traced(lambda x: torch.full_like(x, 3), (B, 4))
    assert is_constant(node)
    assert constant_of(node) == 3.0 and isinstance(constant_of(node), float)
    assert constant_of(traced(lambda x: torch.ones_like(x, dtype=torch.bool), (B, 4))) is True


def test_sums_and_rows():
    assert is_sum(traced(lambda x, y: x + y, (B, 4), (B, 4)))
    assert not is_sum(traced(lambda x: x + 1, (B, 4)))
    assert is_rows(traced(torch.tanh, (B, 4)), B)
    assert not is_rows(traced(torch.tanh, (4, B)), B)
    assert sums_last_axis(traced(lambda x: x.sum(1), (B, 4)))
    assert not sums_last_axis(traced(lambda x: x.sum(0), (B, 4)))


def test_small_helpers():
    assert unique([2, 1, 2]) == [2, 1]
    assert as_list((1, 2)) == [1, 2]
    assert as_list(1) == [1]
