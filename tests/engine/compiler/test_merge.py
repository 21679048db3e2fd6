"""Sums of products become one product."""

import torch

from unroll.engine.compiler.merge import merge_products
from unroll.engine.compiler.nodes import Block, Node, evaluate


def rows(width):
    return Node("input", (), width, True, torch.float64)


def product(a, matrix, width=3):
    block = Block(matrix, (0, width), (0, a.width))
    return Node("product", (a,), width, True, torch.float64, "", (block,))


def added(*terms):
    total = terms[0]
    for term in terms[1:]:
        total = Node("add", (total, term), 3, True, torch.float64)
    return total


def values(target, inputs):
    matrices = [torch.arange(6.0, dtype=torch.float64).reshape(3, 2) + k for k in range(2)]
    parts = {Block(k, (0, 3), (0, 2)): matrices[k] for k in range(2)}
    return evaluate([target], inputs, parts)[0]


def test_products_that_only_a_sum_reads_are_one():
    a, b, bias = rows(2), rows(2), rows(3)
    total = added(product(a, 0), bias, product(b, 1))
    merged = merge_products([total])[total]
    assert merged.op == "add" and merged.args[0] is bias
    assert merged.args[1].op == "product" and merged.args[1].args == (a, b)
    inputs = {n: torch.randn(4, n.width, dtype=torch.float64) for n in (a, b, bias)}
    torch.testing.assert_close(values(merged, inputs), values(total, inputs))


def test_the_graph_that_was_given_stays_as_it_was():
    total = added(product(rows(2), 0), product(rows(2), 1))
    args = total.args
    merged = merge_products([total])[total]
    assert merged.op == "product"
    assert total.op == "add" and total.args is args


def test_a_product_that_is_read_twice_stays_on_its_own():
    shared = product(rows(2), 0)
    total, other = (
        added(shared, product(rows(2), 1)),
        Node("tanh", (shared,), 3, True, shared.dtype),
    )
    replaced = merge_products([total, other])
    assert replaced[total] is total
    assert replaced[other] is other
