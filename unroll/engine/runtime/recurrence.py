"""The recurrent part of one call or several, as one differentiable operation.

N rows of all steps together, R sequences, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from unroll.engine.runtime.deferred import DeferredGradients
from unroll.engine.runtime.executor import Executor, Steps
from unroll.engine.runtime.geometry import Geometry
from unroll.engine.runtime.recipe import Recipe
from unroll.engine.runtime.second_order import differentiable_gradients
from unroll.engine.runtime.storage import (
    add_scratch,
    empty_rows,
    inputs_by_kind,
    read_rows,
    readable,
    tensors_by_name,
)


@dataclass(frozen=True)
class Pass:
    """One recipe over the rows of one call. Two directions are two passes of one operation.

    Attributes:
        recipe: the plan of the cell.
        where: the row numbers of the call.
        executor: what runs the loop.
        record: takes the gradients at the states of every step, for each field [N, w], or None.
    """

    recipe: Recipe
    where: Geometry
    executor: Executor
    record: Callable[[list[Tensor | None]], None] | None = None


@dataclass(frozen=True)
class PreparedPass:
    """A pass whose steps can run.

    Attributes:
        at: the pass.
        steps: its steps, and the tensors that they read and write.
        given: the inputs by kind.
    """

    at: Pass
    steps: Steps
    given: dict[str, list[Any]]


def recurrence(
    passes: Sequence[Pass], inputs: Sequence[Sequence[Tensor | None]]
) -> list[Sequence[Tensor]]:
    """Run the recurrent parts of several passes as one differentiable operation.

    Args:
        passes: the recipes and the rows of their calls.
        inputs: of each pass, what its loop is given; see `inputs_by_kind`.

    Returns:
        Of each pass its emitted values [N, w], then its final states [R, w].
    """
    flat = [t for each in inputs for t in each]
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in flat):
        results = iter(RecurrentFunction.apply(tuple(passes), *flat))
        return [[next(results) for _ in range(count_of(p.recipe))] for p in passes]
    begun = [begin_forward(p, i, keep=False) for p, i in zip(passes, inputs, strict=True)]
    run(begun)
    return [end_forward(b, keep=False) for b in begun]


def count_of(recipe: Recipe) -> int:
    """How many results a pass has."""
    return len(recipe.emits) + len(recipe.new_states)


def run(begun: Sequence[PreparedPass]) -> None:
    """Run the steps of all passes."""
    some = [b for b in begun if b.at.where.N]
    ready = [b.at.executor.prepare(b.steps, len(some)) for b in some]
    if ready:
        some[0].at.executor.run(ready)


class RecurrentFunction(torch.autograd.Function):
    """Forward and backward by the executors; inputs are those of the passes in turn."""

    @staticmethod
    def forward(ctx: Any, passes: tuple[Pass, ...], *inputs: Tensor | None) -> Any:
        """The results of all passes: of each, emitted values [N, w], then final states [R, w]."""
        begun, counts, at = [], [], 0
        for p in passes:
            count = p.recipe.inputs_of_loop
            begun.append(begin_forward(p, inputs[at : at + count], keep=True))
            at += count
        run(begun)
        results, fixed, saved = [], [], [*inputs]
        for b in begun:
            recipe = b.at.recipe
            shown = end_forward(b, keep=True)
            recorded = shown[recipe.differentiable : len(recipe.emits)]
            fixed += [r for r in shown if not r.dtype.is_floating_point] + recorded
            results += shown
            # what was read from x is kept only where the gradient looks at it
            rows = b.given["rows"] if recipe.reads is not None and recipe.rows_saved else []
            saved += [b.steps.tensors[n] for n in recipe.kept_names]
            saved += rows
            counts.append(len(rows))
        ctx.passes, ctx.counts = passes, counts
        ctx.save_for_backward(*saved)
        ctx.mark_non_differentiable(*fixed)
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        """The gradients of the inputs of all passes, of those of their results, [N, w] and [R, w].

        Raises:
            RuntimeError: where many gradients are given at once, or where a second derivative is
                wanted of a pass that is recorded.
        """
        if any(g is not None and batched(g) for g in gradients):
            raise RuntimeError(
                "The compiled loop cannot take many gradients at once (vectorize=True or "
                'is_grads_batched=True). Run it with backend="loop", or one gradient at a time.'
            )
        saved = iter(ctx.saved_tensors)
        given = [take(saved, p.recipe.inputs_of_loop) for p in ctx.passes]
        wishes, came = iter(ctx.needs_input_grad[1:]), iter(gradients)
        wanted = [take(wishes, len(each)) for each in given]
        of_results = [take(came, count_of(p.recipe)) for p in ctx.passes]
        found: list[Tensor | None] = [None]
        if torch.is_grad_enabled() and any(p.record for p in ctx.passes):
            raise RuntimeError(
                "The compiled loop cannot differentiate twice (create_graph=True) while it records. "
                'Run it with backend="loop", or without a recording.'
            )
        if torch.is_grad_enabled():  # a second derivative is wanted: through the reference
            for p, each, of, needs in zip(ctx.passes, given, of_results, wanted, strict=True):
                found += differentiable_gradients(p.recipe, p.where, each, of, needs)
            return tuple(found)
        begun = []
        for p, each, of, rows in zip(ctx.passes, given, of_results, ctx.counts, strict=True):
            kept = dict(zip(p.recipe.kept_names, saved, strict=False))
            begun.append(begin_backward(p, each, kept, take(saved, rows), of))
        run(begun)
        for b, needs in zip(begun, wanted, strict=True):
            found += end_backward(b, needs)
        return tuple(found)


def take(items: Iterator[Any], count: int) -> list[Any]:
    """The next items of an iterator."""
    return list(islice(items, count))


def batched(gradient: Tensor) -> bool:
    """Whether one stored gradient, `[*]`, represents many."""
    functorch = torch._C._functorch
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def begin_forward(at: Pass, inputs: Sequence[Tensor | None], keep: bool) -> PreparedPass:
    """What the steps forward read and write.

    Args:
        at: the pass.
        inputs: states [R, w], matrices [rows, columns], vectors [w], values of each sequence
            [R, w]; then values of each row [N, w], or x [N, I] and the factors and
            biases that make them.
        keep: whether a backward will follow.
    """
    recipe, where = at.recipe, at.where
    given = inputs_by_kind(recipe, inputs)
    read_rows(recipe, given, at.executor.product)
    R, N = where.R, where.N
    tensors = tensors_by_name(given)
    like: Any = inputs[0]
    whole = recipe.history if keep else recipe.shown_fields
    for k, start in enumerate(given["state"]):
        if k in whole:
            kept = start.new_empty(R + N, start.shape[1])
            (kept[:R] if where.first else kept[N:]).copy_(start)
        else:
            kept = start.new_empty(2 * R, start.shape[1])
            kept[:R] = start
            if where.lengths is not None:  # sequences of no steps keep their start
                kept[R:] = start
        tensors[recipe.state_names[k]] = kept
    for name in (*recipe.own_emits, *recipe.saved_names) if keep else recipe.own_emits:
        tensors[name] = empty_rows(recipe, name, N, like)
    add_scratch(recipe.forward, tensors, R, like)
    steps = Steps(
        recipe, recipe.forward, tensors, given["matrix"], where.forward, recipe.turning(keep)
    )
    return PreparedPass(at, steps, given)


def end_forward(begun: PreparedPass, keep: bool) -> list[Tensor]:
    """Emitted values [N, w], then final states [R, w]."""
    recipe, where, tensors = begun.at.recipe, begun.at.where, begun.steps.tensors
    whole = recipe.history if keep else recipe.shown_fields
    emits = [
        tensors[f"emit:{k}"]
        if same is None
        else tensors[recipe.state_names[same]].narrow(0, where.first, where.N)
        for k, same in enumerate(recipe.emit_is_state)
    ]
    finals = [
        final_rows(tensors[name], where, k in whole) for k, name in enumerate(recipe.state_names)
    ]
    return [*emits, *finals]


def final_rows(kept: Tensor, where: Geometry, whole: bool) -> Tensor:
    """The state after each sequence's own last step, [R, w]."""
    R, S = where.R, where.steps
    if where.lengths is None:
        if not whole:
            return kept[:R].clone() if S % 2 == 0 else kept[R:].clone()
        return kept.narrow(0, where.final, R).clone()
    sequence = torch.arange(R, device="cpu")
    if not whole:
        return kept.index_select(0, where.lengths % 2 * R + sequence)
    start = torch.cat([torch.zeros(1, dtype=torch.int64, device="cpu"), where.next])
    return kept.index_select(0, start[where.lengths] + sequence)


def begin_backward(
    at: Pass,
    inputs: Sequence[Tensor],
    kept: Mapping[str, Tensor],
    rows: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> PreparedPass:
    """What the steps backward read and write.

    Args:
        at: the pass.
        inputs: as of `begin_forward`.
        kept: what the forward kept, by name: every state [R + N, w], saved values [N, w].
        rows: what was read from x, [N, w] each, where the gradient looks at it.
        gradients: of the emitted values [N, w], then of the final states [R, w]; None for zero.

    Raises:
        RuntimeError: where the plan was made without gradients.
    """
    recipe, where = at.recipe, at.where
    program = recipe.backward
    if program is None:
        raise RuntimeError("This plan was made without gradients.")
    given, R, N = inputs_by_kind(recipe, inputs), where.R, where.N
    if recipe.reads is not None:
        given["rows"] = list(rows)
    like = inputs[0]
    tensors = tensors_by_name(given) | dict(kept)
    for k in range(recipe.differentiable):
        tensors[f"d_emit:{k}"] = readable(gradients[k], N, recipe.widths[f"emit:{k}"], like)
    for k, start in enumerate(given["state"]):
        if start.dtype.is_floating_point:
            final = gradients[len(recipe.emits) + k]
            if final is None:
                carried = start.new_zeros(2 * R, start.shape[1])
            else:  # where a sequence ends, in a turn of either half
                carried = torch.cat([final, final])
            tensors[f"d_state:{k}"] = carried
    for name, partial in recipe.found:
        tensors[name] = empty_rows(recipe, name, N, like)
        if partial:
            tensors[name].zero_()
    add_scratch(program, tensors, R, like)
    steps = Steps(recipe, program, tensors, given["matrix"], where.backward, frozenset())
    return PreparedPass(at, steps, given)


def end_backward(begun: PreparedPass, wanted: Sequence[bool]) -> list[Tensor | None]:
    """Gradients of the loop's inputs, None where not wanted."""
    recipe, where, executor = begun.at.recipe, begun.at.where, begun.at.executor
    given, tensors = begun.given, begun.steps.tensors
    if begun.at.record is not None:
        begun.at.record([tensors.get(f"d_step:{k}") for k in range(len(recipe.new_states))])
    R, S = where.R, where.steps
    deferred = DeferredGradients(recipe, where, executor, tensors, given)
    half = slice(0, R) if S % 2 == 0 else slice(R, 2 * R)
    found: list[Tensor | None] = []
    needs = iter(wanted)
    for k, start in enumerate(given["state"]):
        got = tensors[f"d_state:{k}"][half] if start.dtype.is_floating_point else None
        found.append(got if next(needs) else None)
    found += [deferred.matrix(k) if next(needs) else None for k in range(len(recipe.matrices))]
    found += [deferred.vector(k) if next(needs) else None for k in range(len(recipe.vectors))]
    for k in range(len(recipe.sequences)):
        each = deferred.rows("sequence", k) if next(needs) else None
        found.append(None if each is None else where.summed(each))
    if recipe.reads is None:
        found += [
            deferred.rows("rows", k) if next(needs) else None for k in range(len(recipe.rows))
        ]
        return found
    x, *parts = given["read"]
    of_x = None
    wants_x = next(needs)
    rest: list[Tensor | None] = []
    for k, read in enumerate(recipe.reads):
        of_matrix, of_bias = next(needs), next(needs)
        if not (wants_x or of_matrix or of_bias):
            rest += [None, None]
            continue
        d = deferred.rows("rows", k)
        matrix = parts[2 * k]
        if wants_x:
            term = executor.product(d, matrix if read.turned else matrix.t())
            of_x = term if of_x is None else of_x + term
        left, right = (d, x) if read.turned else (x, d)
        rest.append(executor.over_rows(left, right) if of_matrix else None)
        rest.append(d.sum(0) if of_bias else None)
    return [*found, of_x, *rest]
