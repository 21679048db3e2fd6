"""The plan: which part of a step is computed once, before the loop, in it or after it.

Each move is a pure function in a file of its own, from the values before it to a new value:

    hoist   what depends on parameters alone is computed once per call; what depends on the inputs
            alone is computed for all steps together before the loop, in large products
    fuse    elementwise work on those products goes back into the loop, where that is cheaper
    divide  operations that only feed the output are computed after the loop
    cut     the rest is cut at every border where a value is sliced or concatenated, so that only
            products and elementwise operations between equal widths remain
    differ  the step's vector-Jacobian product is traced by torch.func.vjp and converted to nodes
    defer   only the gradients that the previous step needs stay in the loop; weight gradients
            become large products after it
    save    a minimum cut of what the backward reads of the forward is saved; the rest is computed
            again
    stage   products that read what the same step computed divide it into stages; an elementwise
            part runs in the stage of the last product that it needs
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from unroll.engine.compiler.backward import Backward, backward_half
from unroll.engine.compiler.cut import LoopGraph, cut
from unroll.engine.compiler.defer import defer as deferred_gradients
from unroll.engine.compiler.eager_parts import EagerParts, eager_parts
from unroll.engine.compiler.fuse import into_loop, moved_into_loop
from unroll.engine.compiler.gradient import differentiate
from unroll.engine.compiler.hoist import Levels, hoisted
from unroll.engine.compiler.partition import Partition, partition
from unroll.engine.compiler.program import Forms, Program
from unroll.engine.compiler.save import save
from unroll.engine.compiler.stage import forward_program
from unroll.engine.compiler.traced import Traced, width_of
from unroll.engine.refusal import Unplannable


@dataclass(frozen=True)
class Plan:
    """A step, labelled: what of it is computed where. See `unroll.engine.explain.page`.

    Attributes:
        traced: the step as a graph.
        levels: what each of its values depends on.
        eager: what is computed around the loop.
        loop: the operations of the loop, and what they read.
        emitted: the values of the loop that are read after it.
        differentiable: how many of them a gradient may come back to; those after are recorded.
        emit_is_state: of each emitted value, the field of the state that it is, or None.
        widths: the columns of every tensor of the loop, by its name.
        dtypes: their types.
        forward: the stages of the forward loop.
        backward: the backward half, where gradients are wanted.
        history: the numbers of the fields of the state whose every step is kept.
        recorded: whether every step's states, and the gradients at them, are shown.
    """

    traced: Traced
    levels: Levels
    eager: EagerParts
    loop: LoopGraph
    emitted: list[fx.Node]
    differentiable: int
    emit_is_state: list[int | None]
    widths: dict[str, int]
    dtypes: dict[str, torch.dtype]
    forward: Program
    backward: Backward | None
    history: set[int]
    recorded: bool

    @property
    def shows_emit(self) -> bool:
        """Whether the output is what the loop emitted, as it is, and nothing else is read."""
        return self.emitted == [self.traced.output] and self.traced.output.meta["val"].dim() == 2


def plan(
    traced: Traced,
    gradients: bool = True,
    hoist: bool = True,
    defer: bool = True,
    record: bool = False,
) -> Plan:
    """Label every value of a traced step, forward and, where gradients are wanted, backward.

    Args:
        traced: the step; its graph is rewritten on the way.
        gradients: whether the backward is planned too.
        hoist: False keeps what depends on the inputs in the loop, for one step at a time.
        defer: False keeps what only feeds the output in the loop, for one step at a time.
        record: also emits the states and the taps, and the backward keeps the gradient at every
            state.

    Raises:
        Unplannable: with the line of the step that cannot be planned.
    """
    traced, levels = hoisted(traced, hoist)
    division = partition(traced, levels, defer, record)
    nodes = moved_into_loop(traced, levels, division.loop) if hoist and defer else set()
    if nodes:
        inside = into_loop(levels, nodes)
        try:
            again = partition(traced, inside, defer, record)
            return assembled(traced, inside, again, gradients, record)
        except Unplannable:  # torch may know a gradient that the loop does not
            pass
    return assembled(traced, levels, division, gradients, record)


def assembled(
    traced: Traced, levels: Levels, division: Partition, gradients: bool, record: bool
) -> Plan:
    """The plan of a step whose operations are divided into those of the loop and those around it.

    Raises:
        Unplannable: with the line of the step that cannot be planned.
    """
    loop = cut(traced, levels, division)
    eager = eager_parts(traced, levels, division, loop)
    forms = forms_of(traced, division, loop)
    emit_is_state = [
        traced.new_states.index(n) if n in traced.new_states else None for n in division.emitted
    ]
    history = {k for k in emit_is_state if k is not None}
    backward: Backward | None = None
    if gradients:
        gradient = differentiate(traced, loop, division.differentiable, record)
        loop = gradient.loop
        deferral = deferred_gradients(gradient, forms, division.differentiable, record)
        saved = save(loop.new_states, history, deferral.read)
        backward = backward_half(gradient, deferral, saved)
        history, forms = saved.history, forms | deferral.forms | saved.forms
    return Plan(
        traced=traced,
        levels=levels,
        eager=eager,
        loop=loop,
        emitted=division.emitted,
        differentiable=division.differentiable,
        emit_is_state=emit_is_state,
        widths={name: width for name, (width, _) in forms.items()},
        dtypes={name: dtype for name, (_, dtype) in forms.items()},
        forward=forward_program(loop, emit_is_state, backward.saved if backward else {}),
        backward=backward,
        history=history,
        recorded=record,
    )


def forms_of(traced: Traced, division: Partition, loop: LoopGraph) -> Forms:
    """Columns and type of every tensor that the forward loop reads or writes, but what it saves."""
    tensors = {
        "state": traced.states,
        "sequence": loop.sequences,
        "rows": loop.rows,
        "vector": loop.vectors,
        "emit": division.emitted,
    }
    return {
        f"{kind}:{k}": (width_of(n), n.meta["val"].dtype)
        for kind, values in tensors.items()
        for k, n in enumerate(values)
    }
