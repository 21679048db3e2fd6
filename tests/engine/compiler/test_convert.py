"""A traced gradient as nodes."""

import pytest
import torch

from unroll.engine.compiler.convert import (
    MatrixBlock,
    TransposedRows,
    WeightGradient,
    as_wide,
    convert,
    transposed,
    widened,
)
from unroll.engine.compiler.nodes import Block, Node
from unroll.engine.compiler.trace import graph_of
from unroll.engine.refusal import Unplannable

B = 5
A = Node("input", (), 3, True, torch.float32)
D = Node("input", (), 2, True, torch.float32)


def converted(function, *given):
    graph = graph_of(lambda *t: [function(*t)], [torch.ones(B, n.width) for n in given]).graph
    (found,) = convert(graph, given, B)
    return found


def test_rows_transposed_times_rows_are_a_weight_gradient():
    found = converted(lambda d, a: d.t() @ a, D, A)
    assert found == WeightGradient(((D, A),))
    assert transposed(found) == WeightGradient(((A, D),))


def test_transposing_twice_gives_the_same():
    block = MatrixBlock(Block(0, (0, 2), (0, 3)), False)
    assert transposed(transposed(block)) == block
    assert transposed(A) == TransposedRows(A)
    assert transposed(transposed(A)) is A


def test_a_sum_over_rows_is_one_node_and_over_columns_a_product_with_ones():
    total = converted(lambda a: a.sum(0), A)
    assert (total.op, total.width, total.rows) == ("sum_rows", 3, False)
    across = converted(lambda a: a.sum(1, keepdim=True), A)
    assert (across.op, across.width, across.blocks[0].matrix) == ("product", 1, -1)


def test_an_operation_that_is_not_known_is_refused():
    with pytest.raises(Unplannable, match="its gradient needs cumsum"):
        converted(lambda a: a.cumsum(1), A)


def test_a_gradient_has_the_width_of_what_it_belongs_to():
    column = Node("input", (), 1, True, torch.float32)
    assert widened(A, 3) is A
    assert widened(column, 3).width == 3
    none = as_wide(None, A)
    assert (none.op, none.args, none.width) == ("constant", (0.0,), 3)
