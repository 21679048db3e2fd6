"""What is taken apart has the values and gradients of torch's own operation."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import unroll
from unroll.engine.call import parameters_of
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of

from ..plans import call_of, plan_of

WRITTEN = {
    "norm": lambda a, h: a / a.norm(dim=1, keepdim=True),
    "normalize": lambda a, h: functional.normalize(a + h, dim=1),
    "norm_of_zeros": lambda a, h: a + functional.normalize(h, dim=1),
    "norm_1": lambda a, h: a / a.norm(p=1, dim=1, keepdim=True),
    "cosine": lambda a, h: functional.cosine_similarity(a, h, dim=1)[:, None] * a,
    "added": lambda a, h: torch.add(a, h, alpha=0.5),
    "taken_away": lambda a, h: torch.sub(a, h, alpha=0.5),
    "rolled": lambda a, h: a.roll(1, 1),
    "rolled_back": lambda a, h: a.roll(-6, 1),
    "padded": lambda a, h: functional.pad(a[:, :-2], (1, 1), value=0.5),
    "cut_and_padded": lambda a, h: functional.pad(a, (-1, 1)),
    "repeated": lambda a, h: a * h[:, :2].repeat(1, 2) + a,
}


class WrittenCell(unroll.Cell):
    def __init__(self, name):
        super().__init__(3, 4)
        self.read, self.written = nn.Linear(7, 4), WRITTEN[name]

    def forward(self, x, h):
        h = self.written(torch.tanh(self.read(torch.cat([x, h], 1))), h)
        return h, h


@pytest.mark.parametrize("name", WRITTEN)
def test_a_step_is_planned_with_the_values_and_gradients_of_the_loop(name):
    torch.manual_seed(1)
    cell = WrittenCell(name).double()
    recipe = recipe_of(plan_of(cell))
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    call = call_of(cell, x)
    found = []
    for output, _ in (
        run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        unroll.unroll(cell, x, backend="loop"),
    ):
        found.append([output, *torch.autograd.grad(output.sum(), [x, *cell.parameters()])])
        assert all(part.isfinite().all() for part in found[-1])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)
