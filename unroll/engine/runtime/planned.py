"""Running plans: the eager parts around the recurrent part, which `recurrence.py` runs.

N rows of all steps together, R sequences.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.engine.call import Call
from unroll.engine.noise import draw_noise
from unroll.engine.runtime.executor import Executor
from unroll.engine.runtime.geometry import Geometry, geometry
from unroll.engine.runtime.recipe import Recipe
from unroll.engine.runtime.recurrence import Pass, recurrence
from unroll.engine.runtime.storage import flat_rows, resolved

if TYPE_CHECKING:
    from unroll.engine.record import Recording


@dataclass(frozen=True)
class Job:
    """A call and the recipe that runs it.

    Attributes:
        recipe: the plan of the cell.
        call: the call, checked.
        tensors: parameters and buffers by name.
        initial: the state after a reset, or None.
        executor: what runs the loop.
    """

    recipe: Recipe
    call: Call
    tensors: Mapping[str, Tensor]
    initial: State | None
    executor: Executor


@dataclass(frozen=True)
class Hoisted:
    """A job of which everything before the recurrent part is done.

    Attributes:
        job: the job.
        at: its recipe over the rows of its call.
        inputs: what the recurrent part is given.
        known: the values that the part after the loop may read, by name.
    """

    job: Job
    at: Pass
    inputs: list[Tensor | None]
    known: dict[str, Tensor]


def run_plans(jobs: Sequence[Job]) -> list[tuple[Tensor, State]]:
    """Run several calls, at once where that is faster.

    Returns:
        Of each job the outputs [T, B, H] and the final state.
    """
    hoisted = [run_before_loop(job) for job in jobs]
    results = recurrence([h.at for h in hoisted], [h.inputs for h in hoisted])
    return [run_after_loop(h, r) for h, r in zip(hoisted, results, strict=True)]


def run_before_loop(job: Job) -> Hoisted:
    """What depends on parameters, noise and inputs only."""
    recipe, call = job.recipe, job.call
    if call.record is not None:
        call.record.check_new()
    T, B = call.x.shape[:2]
    where = geometry(T, B, call.lengths, call.resets, call.reverse)
    noises = recipe.noises
    noise = call.noise
    if noise is None:
        noise = (draw_noise(call.cell, call.x) or {}) if noises else {}
    drawn_once = [noise[n][1] for n, each in noises.items() if each == "once"]
    once = recipe.once(*job.tensors.values(), *drawn_once)
    known: dict[str, Tensor] = dict(zip(recipe.once_values, once, strict=True))
    x = where.rows(call.x)
    sequence: tuple[Tensor, ...] = ()
    spread: list[Tensor] = []
    if recipe.sequence_values:
        per_call = [noise[n][1] for n, each in noises.items() if each == "call"]
        sequence = recipe.sequence(B, *once, *per_call)
        spread = [where.of_rows(v) for v in sequence]
    if recipe.before_values:
        per_step = [where.rows(noise[n][1]) for n, each in noises.items() if each == "step"]
        before = recipe.before(where.N, *once, *spread, x, *per_step)
        known.update(zip(recipe.before_values, before, strict=True))

    per_sequence = dict(zip(recipe.sequence_values, sequence, strict=True))
    inputs: list[Tensor | None] = [
        f if f.dim() == 2 else flat_rows(f, where.R)
        for _, f in fields(where.started(call.state, job.initial))
    ]
    inputs += [known[n] for n in recipe.matrices]
    inputs += [known[n].reshape(-1) for n in recipe.vectors]
    inputs += [flat_rows(where.of_sequences(per_sequence[n]), where.R) for n in recipe.sequences]
    if recipe.reads is None:
        inputs += [flat_rows(known[n], where.N) for n in recipe.rows]
    else:
        inputs.append(x)
        for read in recipe.reads:
            inputs += [known[read.matrix], None if read.bias is None else known[read.bias]]
    known.update(zip(recipe.sequence_values, spread, strict=True))
    inputs = [t if t is None else resolved(t) for t in inputs]
    record = call.record
    record_states = (
        None if record is None else functools.partial(record_gradients, record, call.state, where)
    )
    return Hoisted(job, Pass(recipe, where, job.executor, record_states), inputs, known)


def record_gradients(
    record: Recording, state: State, where: Geometry, gradients: Sequence[Tensor | None]
) -> None:
    """The gradient at every field of the state after every step, from rows [N, w]."""
    for (name, like), rows in zip(fields(state), gradients, strict=True):
        if rows is not None:
            record.add_gradient(name, where.spread(rows.reshape(where.N, *like.shape[1:])))


def run_after_loop(hoisted: Hoisted, results: Sequence[Tensor]) -> tuple[Tensor, State]:
    """What only feeds the output, and the form that the call wants.

    Args:
        hoisted: the job.
        results: the emitted values [N, w], then the final states [R, w].

    Returns:
        The outputs [T, B, H] and the final state, fields [B, ...].
    """
    recipe, where, record = hoisted.at.recipe, hoisted.at.where, hoisted.job.call.record
    emits, finals = results[: len(recipe.emits)], iter(results[len(recipe.emits) :])

    def final(like: Tensor) -> Tensor:
        """The next field of the final state, in the shape of `like`, [B, ...]."""
        value = where.ended(next(finals))
        return value if value.shape == like.shape else value.reshape(like.shape)

    last = map_state(final, hoisted.job.call.state)
    if recipe.shows_emit and record is None:
        return where.spread(emits[0]), last
    known = dict(hoisted.known)
    for name, shape, emit in zip(recipe.emitted, recipe.emitted_shapes, emits, strict=True):
        known[name] = emit.reshape(where.N, *shape)
    output, *taps = recipe.after(where.N, *(known[n] for n in recipe.after_inputs))
    if record is not None and where.steps:
        states = {
            name: emits[recipe.emit_is_state.index(k)].reshape(where.N, *like.shape[1:])
            for k, (name, like) in enumerate(fields(hoisted.job.call.state))
        }
        named = dict(zip(recipe.taps, taps, strict=True))
        record.fill(
            *({n: where.spread(rows.detach()) for n, rows in of.items()} for of in (named, states))
        )
    return where.spread(output), last
