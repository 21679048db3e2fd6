"""The eager parts around the loop: noise, batches and lengths."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

import unroll
from unroll.cells import Noise, fields
from unroll.engine.call import checked_call, parameters_of
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of

from ..plans import H, I, call_of, plan_of, planned
from ..random_cells import compare


class Noisy(unroll.Cell):
    """Noise anew each step, and once a call."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)

    def noise(self):
        return {
            "drop": Noise((self.hidden_size,), "bernoulli", each="call", keep=0.8),
            "shake": Noise((self.hidden_size,), "normal"),
        }

    def forward(self, x, h, noise):
        new = self.recur(h) + self.read(x)
        if noise is not None:
            new = new * noise["drop"] + 0.1 * noise["shake"]
        h = torch.tanh(new)
        return h, h


@pytest.mark.parametrize("training", [True, False])
def test_declared_noise_is_drawn_as_the_loop_draws_it(training, interpreted):
    cell = Noisy(I, H).double().train(training)
    for seed in range(6):
        compare(cell, interpreted, seed=seed)
    x = torch.randn(3, 2, I, dtype=torch.float64)
    after = []
    for backend in ("loop", interpreted):
        torch.manual_seed(4)
        unroll.unroll(cell, x, backend=backend)
        after.append(torch.rand(()))
    assert after[0] == after[1]


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (2, 0), (0, 0), (1, 1)])
def test_noise_for_next_to_nothing(steps, batch, interpreted):
    cell = Noisy(I, H).double()
    found = []
    for backend in ("loop", interpreted):
        torch.manual_seed(1)
        x = torch.randn(steps, batch, I, dtype=torch.float64, requires_grad=True)
        h = torch.randn(batch, H, dtype=torch.float64, requires_grad=True)
        output, last = unroll.unroll(cell, x, h, backend=backend)
        found.append([output, *torch.autograd.grad(output.sum() + last.sum(), h)])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


def test_a_plan_serves_every_batch_and_length():
    cell, made = planned("lstm")
    for T, B in ((1, 1), (2, 101), (3, 103), (9, 2)):
        x = torch.randn(T, B, I, dtype=torch.float64)
        call = call_of(cell, x)
        got, last = run_plans([Job(recipe_of(made), call, parameters_of(call), None, interpreter)])[
            0
        ]
        right, end = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
        for (_, a), (_, b) in zip(fields(last), fields(end), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


class NoisyOnce(unroll.Cell):
    """Noise of a whole call beside the state, which the weights' gradient reads again."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(hidden_size, hidden_size))

    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), "bernoulli", "call", keep=0.5)}

    def forward(self, x, h, noise):
        kept = h if noise is None else h * noise["mask"]
        h = torch.tanh(linear(0.6 * (1 - kept), self.weight) + x)
        return h, h


@pytest.mark.parametrize("lengths", [None, [0, 0, 0], [4, 0, 2]])
def test_noise_of_a_call_where_sequences_have_no_steps(lengths):
    cell = NoisyOnce(I, I).double()
    recipe = recipe_of(plan_of(cell))
    x = torch.randn(4, 3, I, dtype=torch.float64, requires_grad=True)
    call = checked_call(cell, x, lengths=lengths)
    found = []
    for run in (
        lambda: run_plans([Job(recipe, call, parameters_of(call), None, interpreter)])[0],
        lambda: unroll.unroll(cell, x, lengths=lengths, backend="loop"),
    ):
        torch.manual_seed(1)
        output, _ = run()
        found.append([output, *torch.autograd.grad(output.sum(), [x, cell.weight])])
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)
