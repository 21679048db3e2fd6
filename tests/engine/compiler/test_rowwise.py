"""A step that mixes the sequences of a batch is refused or right."""

import pytest
import torch
from torch import nn

import unroll
from unroll.engine.call import parameters_of
from unroll.engine.compiler.trace import Unplannable
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of

from ..plans import H, I, call_of, plan_of


class AcrossTheBatch(unroll.Cell):
    def __init__(self, input_size, hidden_size, what):
        super().__init__(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.what = what

    def forward(self, x, h):
        h = self.what(torch.tanh(self.read(x) + self.recur(h)))
        return h, h


MIXES = {
    "mean": lambda h: h - h.mean(0),
    "sum": lambda h: h / (1 + h.abs().sum()),
    "largest": lambda h: h - h.amax(0, keepdim=True),
    "turned": lambda h: h @ (h.t() @ h),
    "rolled": lambda h: torch.cat([h[1:], h[:1]]),
    "flipped": lambda h: h.flip(0),
    "first": lambda h: h - h[0],
    "softmax": lambda h: h.softmax(0),
    "batch norm": lambda h: nn.functional.batch_norm(h, None, None, training=True),
    "its size": lambda h: h * h.shape[0],
    "its size in a branch": lambda h: h * (2.0 if h.shape[0] > 50 else 1.0),
    "its size in a branch between": lambda h: h * (2.0 if h.shape[0] > 102 else 1.0),
    "one sequence alone": lambda h: h * (2.0 if h.shape[0] == 1 else 1.0),
    "cumulated": lambda h: torch.tanh(h.cumsum(0)),
    "covariance": lambda h: torch.tanh(h.t().reshape(h.shape)),
}


@pytest.mark.parametrize("what", MIXES)
def test_a_step_that_mixes_sequences_is_refused_or_right(what):
    """Its value for one sequence would depend on which others are in the batch."""
    cell = AcrossTheBatch(I, H, MIXES[what]).double()
    try:
        recipe = recipe_of(plan_of(cell))
    except Unplannable as reason:
        assert "\n" not in str(reason)
        return
    for B in (1, 3, 8):
        x = torch.randn(4, B, I, dtype=torch.float64)
        call = call_of(cell, x)
        got, _ = run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0]
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
