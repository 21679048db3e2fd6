"""Operations that PyTorch runs one after another."""

import torch

from unroll.engine.compiler.trace import graph_of
from unroll.engine.runtime.eager import eager


def test_a_graph_as_a_list_of_operations_gives_its_values():
    def function(x, y):
        a, b = (x @ y).split(2, 1)
        return [torch.tanh(a) * 2.0, torch.cat([a, b], 1).sum(1)]

    x, y = torch.randn(3, 5), torch.randn(5, 4)
    found = eager(graph_of(function, [torch.ones(3, 5), torch.ones(5, 4)]).graph)
    for got, expected in zip(found(x, y), function(x, y), strict=True):
        torch.testing.assert_close(got, expected)


def test_a_value_is_given_back_when_nobody_reads_it_any_more():
    found = eager(graph_of(lambda x: [x.tanh().exp().sin()], [torch.ones(3)]).graph)
    assert [sorted(numbers) for numbers in found.done] == [[0], [1], [2]]
