"""The compiler for CPUs: any step that can be planned, as C++ built once and run over all steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from unroll.cells import State
from unroll.engine.call import Call, initial_state, parameters_of
from unroll.engine.cpu.preparation import prepared, prepared_for
from unroll.engine.cpu.suited import unsuited

if TYPE_CHECKING:
    from unroll.engine.cpu.stepping import Stepping
    from unroll.engine.runtime.planned import Job

NAME = "cpu"


def supports(call: Call) -> str | None:
    """A reason in words where this call cannot be compiled, else None. Compiles where it can."""
    return unsuited(call.cell, call.x) or prepared(call).refusal


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step."""
    return run_together([call])[0]


def run_together(calls: Sequence[Call]) -> list[tuple[Tensor, State]]:
    """The same for several calls, beside each other where there are threads for it."""
    from unroll.engine.runtime.planned import run_plans

    return run_plans([job_of(call) for call in calls])


def job_of(call: Call) -> Job:
    """The job of a call. Raises: RuntimeError where its cell was refused."""
    from unroll.engine.runtime.planned import Job

    ready = prepared(call)
    if ready.refusal is not None:
        raise RuntimeError(f"The cpu backend cannot run this cell: {ready.refusal}.")
    initial = None
    if call.resets is not None:
        initial = initial_state(call.cell, call.x, call.parameters)
    return Job(ready.recipe, call, parameters_of(call), initial, ready.kernels)


def step_by_step(call: Call, table: Tensor | None) -> Stepping | str:
    """This call's cell one step at a time, or the reason in words why not. See `Stepping`.

    Args:
        call: the call; its x [T, B, I] and state [B, ...] are examples of shape and dtype, and its
            state is the first one.
        table: all inputs [V, I] that will ever come, or None.
    """
    from unroll.engine.cpu.stepping import Stepping, step_recipe

    refusal = unsuited(call.cell, call.x)
    if refusal is not None:
        return refusal
    parameters, has_table = parameters_of(call), table is not None
    ready = prepared_for(
        call,
        "table" if has_table else "step",
        lambda: step_recipe(call.cell, parameters, call.x, call.state, has_table),
    )
    if ready.refusal is not None:
        return ready.refusal
    return Stepping(ready.recipe, ready.kernels, parameters, call.state, call.x.dtype, table)
