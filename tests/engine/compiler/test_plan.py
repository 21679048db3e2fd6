"""What a plan says of a step, and that it computes the loop's numbers when it is interpreted.

T time, B batch, I input, H hidden.
"""

import pytest
import torch

import unroll
from unroll.engine.call import parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import Unplannable, trace
from unroll.engine.compiler.traced import name_of
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of

from ..plans import Gated, H, I, ResetBefore, call_of, plan_of, planned, width_saved


def test_for_one_step_at_a_time_everything_is_hoisted():
    cell = Gated(I, H).double()
    call = call_of(cell, torch.zeros(1, 1, I, dtype=torch.float64))
    made = plan(trace(cell, parameters_of(call), call.x, call.state), False, defer=False)
    assert "sigmoid" in {name_of(n) for n in made.eager.before.graph.nodes}


def test_a_plan_without_gradients_saves_nothing():
    _, made = planned("lstm", gradients=False)
    assert made.backward is None
    assert not width_saved(made)


ENDINGS = {
    "times one": lambda h: (1.0 * h, 1.0 * h),
    "a copy": lambda h: (h, h.clone()),
    "its own dtype": lambda h: (h.to(h.dtype), h),
    "a detached output": lambda h: (h.detach(), h),
    "a cut output": lambda h: (h[:, :2], h),
    "a constant output": lambda h: (torch.ones_like(h), h),
    "two columns swapped": lambda h: (h, torch.cat([h[:, 1:], h[:, :1]], 1)),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_step_may_end_with_next_to_nothing(ending):
    """Values and gradients; what is detached has no gradient, as on the loop."""

    class Ending(ResetBefore):
        def forward(self, x, h):
            h, _ = super().forward(x, h)
            return ENDINGS[ending](h)

    cell = Ending(I, H).double()
    cell.output_size = 2 if ending == "a cut output" else H
    x = torch.randn(4, 2, I, dtype=torch.float64, requires_grad=True)
    found = []
    try:
        recipe = recipe_of(plan_of(cell))
    except Unplannable as reason:
        assert "\n" not in str(reason)
        return
    call = call_of(cell, x)
    for output, last in (
        run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        unroll.unroll(cell, x, backend="loop"),
    ):
        loss = output.sum() + last.square().sum()
        found.append([output, last, *torch.autograd.grad(loss, [x, *cell.parameters()])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)
