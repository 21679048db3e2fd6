"""Elementwise work on hoisted products, in the loop where that is cheaper."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from unroll.engine.compiler.traced import name_of

from ..plans import Gated, H, I, nodes_of, plan_of
from ..random_cells import compare


class OneLinear(Gated):
    def forward(self, x, h):
        weight, bias = torch.cat([self.z.weight, self.n.weight]), self.z.bias
        z, n = linear(x, weight).chunk(2, -1)
        h = torch.lerp(h, torch.tanh(n + bias), torch.sigmoid(z))
        return h, h


class Decaying(Gated):
    """x itself in the loop; of the parameters alone, a softplus."""

    def forward(self, x, h):
        a = torch.exp(-torch.sigmoid(self.z(x)) * torch.nn.functional.softplus(self.n.bias))
        h = a * h + torch.sqrt(1 - a * a) * self.n(x)
        return h * torch.tanh(x[:, :1]), h


class SummedGate(Gated):
    """A sum of products costs less hoisted; its result is one value."""

    def forward(self, x, h):
        h = torch.tanh(h + (self.z(x) + self.n(torch.relu(x))))
        return h, h


class SharedGate(Gated):
    """What is read after the loop too is made before it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.last = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        z = torch.sigmoid(self.z(x))
        h = h + z * (self.n(x) - h)
        return self.last(h) * z + self.n(x), h


class SharedProduct(SharedGate):
    """Nothing is hoisted but one product, which is read in the loop and after it."""

    def forward(self, x, h):
        n = self.n(x)
        h = h + torch.tanh(h) * n
        return self.last(h) * n, h


class SoftGate(Gated):
    """Sums over a row stay before the loop."""

    def forward(self, x, h):
        h = h + torch.softmax(self.z(x), 1) * (torch.tanh(self.n(x)) - h)
        return h, h


GATED = [Gated, OneLinear, Decaying, SummedGate, SharedGate, SharedProduct, SoftGate]


@pytest.mark.parametrize("kind", GATED)
def test_what_stands_between_products_and_the_loop_changes_no_number(kind, interpreted):
    for seed in range(4):
        torch.manual_seed(seed)
        compare(kind(I, H).double(), interpreted, seed=seed)


@pytest.mark.parametrize(("kind", "count"), [(Gated, 2), (OneLinear, 1), (Decaying, 2)])
def test_elementwise_work_on_products_is_done_in_the_loop(kind, count):
    made = plan_of(kind(I, H).double())
    products = [n for n in made.loop.rows if n is not made.traced.x]
    assert len(products) == count
    assert not {name_of(n) for n in made.eager.before.graph.nodes} & {
        "sigmoid",
        "tanh",
        "where",
        "exp",
    }
    assert len(made.forward.stages) == len(made.backward.program.stages) == 1
    if kind is not Decaying:  # its loop reads x beside the products
        assert len(made.eager.reads) == count and not made.eager.before_values
    else:
        assert not any(n.op in ("log1p", "log") for n in nodes_of(made.forward))


@pytest.mark.parametrize(
    ("kind", "done"), [(SummedGate, "add"), (SharedGate, "sigmoid"), (SoftGate, "exp")]
)
def test_work_that_would_cost_more_in_the_loop_is_done_before_it(kind, done):
    made = plan_of(kind(I, H).double())
    assert done in {name_of(n) for n in made.eager.before.graph.nodes}
    assert done not in {n.op for n in nodes_of(made.forward)} - {"add"}
