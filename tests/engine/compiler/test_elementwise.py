"""Elementwise operations as nodes."""

import pytest
import torch

from unroll.engine.compiler.elementwise import elementwise, elementwise_args
from unroll.engine.compiler.nodes import Node
from unroll.engine.compiler.trace import graph_of
from unroll.engine.refusal import Unplannable

A = Node("input", (), 3, True, torch.float32)


def operation(function):
    """The traced operation of a function of one tensor."""
    graph = graph_of(lambda x: [function(x)], [torch.ones(5, 3)]).graph
    return next(n for n in graph.nodes if n.op == "call_function")


def test_an_operation_is_a_node_with_the_width_of_its_operands():
    node = elementwise(operation(torch.tanh), [A])
    assert (node.op, node.args, node.width, node.rows) == ("tanh", (A,), 3, True)


def test_numbers_are_computed_at_once():
    assert elementwise(operation(lambda x: x * 2), [3.0, 2]) == 6.0


def test_what_changes_nothing_is_left_out():
    assert elementwise(operation(lambda x: x * 2), [A, 1]) is A
    assert elementwise(operation(lambda x: x + 2), [A, 0]) is A


def test_a_sum_with_a_factor_is_refused():
    node = operation(lambda x: torch.add(x, x))
    node.kwargs = {"alpha": 2}
    node.meta["line"] = "step.py:3"
    with pytest.raises(Unplannable, match="alpha"):
        elementwise_args(node)
