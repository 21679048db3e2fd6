"""The recurrent part as one differentiable operation."""

import pytest
import torch

import unroll
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import recipe_of
from unroll.engine.runtime.recurrence import count_of

from ..plans import call_of, plan_of

T, B = 4, 3


def job(make, **settings):
    cell = make(3, 5).double()
    x = torch.randn(T, B, 3, dtype=torch.float64, requires_grad=True)
    call = call_of(cell, x, **settings)
    return Job(recipe_of(plan_of(cell)), call, dict(cell.named_parameters()), None, interpreter)


def test_two_passes_of_one_operation_are_two_calls():
    jobs = [job(unroll.GRUCell), job(unroll.LSTMCell, reverse=True)]
    together = run_plans(jobs)
    inputs = [each.call.x for each in jobs]
    found = torch.autograd.grad(sum(output.sum() for output, _ in together), inputs)
    for (output, _), gradient, each in zip(together, found, jobs, strict=True):
        ((alone, _),) = run_plans([each])
        assert torch.equal(output, alone)
        torch.testing.assert_close(gradient, torch.autograd.grad(alone.sum(), each.call.x)[0])


def test_results_are_emitted_values_then_final_states():
    recipe = job(unroll.LSTMCell).recipe
    assert count_of(recipe) == 1 + 2


def test_many_gradients_at_once_are_refused():
    ((output, _),) = run_plans([(one := job(unroll.GRUCell))])
    with pytest.raises(RuntimeError, match="many gradients at once"):
        torch.autograd.grad(
            output, one.call.x, torch.ones(2, *output.shape, dtype=output.dtype),
            is_grads_batched=True,
        )  # fmt: skip


def test_a_plan_without_gradients_has_none():
    one = job(unroll.GRUCell)
    forward = recipe_of(plan_of(one.call.cell, gradients=False))
    ((output, _),) = run_plans([Job(forward, one.call, one.tensors, None, interpreter)])
    with pytest.raises(RuntimeError, match="without gradients"):
        output.sum().backward()
