"""The values that a plan is made of."""

import torch

from unroll.engine.compiler.nodes import Block, InputSource, Node, ancestors, evaluate


def an_input(width=2, kind="rows"):
    return Node("input", (), width, True, torch.float64, source=InputSource(kind, 0, 0))


def test_ancestors_come_before_what_is_made_of_them():
    a, b = an_input(), an_input(kind="state")
    total = Node("add", (a, b), 2, True, torch.float64)
    result = Node("tanh", (total,), 2, True, torch.float64)
    assert ancestors([result]) == [a, b, total, result]
    assert ancestors([result], lambda n: n is total) == [total, result]


def test_a_product_is_evaluated_with_its_block_of_the_matrix():
    a, matrix = an_input(), torch.randn(5, 4, dtype=torch.float64)
    block = Block(0, (1, 4), (2, 4))
    product = Node("product", (a,), block.width, True, torch.float64, "", (block,))
    x = torch.randn(3, 2, dtype=torch.float64)
    (found,) = evaluate([product], {a: x}, {block: block.of([matrix])})
    torch.testing.assert_close(found, x @ matrix[1:4, 2:4].t())


def test_a_product_with_ones_is_a_sum_over_columns():
    a = an_input()
    ones = Block(-1, (0, 1), (0, 2))
    total = Node("product", (a,), 1, True, torch.float64, "", (ones,))
    x = torch.randn(3, 2, dtype=torch.float64)
    (found,) = evaluate([total], {a: x}, {})
    torch.testing.assert_close(found, x.sum(1, keepdim=True))
