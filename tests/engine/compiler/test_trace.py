"""Tracing: refusals name a line, and nothing of the cell is changed."""

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, linear

import unroll
from unroll.cells import fields, map_state
from unroll.engine.call import parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import Unplannable, trace
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of

from ..plans import MAKE, H, I, call_of, plan_of
from ..written_cells import BAKED_BATCH, REFUSED


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_planned_is_said_in_one_sentence_with_its_line(name):
    cell = REFUSED[name](2, 5)
    call = call_of(cell, torch.zeros(1, BAKED_BATCH, 2))
    with pytest.raises(Unplannable, match=r", at written_cells\.py:\d+$") as caught:
        plan(trace(cell, parameters_of(call), call.x, call.state))
    assert "\n" not in str(caught.value)


def test_planning_changes_neither_the_cell_nor_its_tensors():
    for name in ("lstm", "written layer-norm", "written clockwork"):
        cell = MAKE[name](I, H).double()
        before = {n: t.clone() for n, t in cell.state_dict().items()}
        state = map_state(torch.clone, cell.initial_state(2, dtype=torch.float64))
        mode, random = cell.training, torch.get_rng_state()
        plan_of(cell)
        assert cell.training == mode
        assert torch.equal(torch.get_rng_state(), random)
        assert all(torch.equal(before[n], t) for n, t in cell.state_dict().items())
        assert all(p.grad is None for p in cell.parameters())
        now = cell.initial_state(2, dtype=torch.float64)
        assert all(
            torch.equal(a, b) for (_, a), (_, b) in zip(fields(state), fields(now), strict=True)
        )


class OfAPart(unroll.Cell):
    """Seen in another shape: part of a weight, which lies in pieces."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(2, 2, hidden_size, input_size))

    def forward(self, x, h):
        part = self.weight[:, 1].reshape(-1, self.input_size)
        h = torch.tanh(linear(x, part).chunk(2, 1)[0] + h)
        return h, h


class NormOfAPart(unroll.Cell):
    """Norms of part of a product, which lies in one piece only where the batch is one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(2 * hidden_size, hidden_size))

    def forward(self, x, h):
        a, b = linear(h, self.weight).chunk(2, 1)
        h = torch.tanh(layer_norm(a, [self.hidden_size]) + b + self.read(x))
        return h, h


@pytest.mark.parametrize("kind", [OfAPart, NormOfAPart])
def test_where_numbers_lie_does_not_matter(kind):
    cell = kind(I, H).double()
    x = torch.randn(4, 3, I, dtype=torch.float64, requires_grad=True)
    recipe = recipe_of(plan_of(cell))
    call = call_of(cell, x)
    found = []
    for output, _ in (
        run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        unroll.unroll(cell, x, backend="loop"),
    ):
        found.append([output, *torch.autograd.grad(output.sum(), [x, *cell.parameters()])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)
