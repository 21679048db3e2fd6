"""The plan: what of a step is done once, what before the loop, in it, after it, and in what order.

A pure function from a traced step to a labelled graph, in six moves:

    hoist   what depends on parameters alone is computed once a call; what depends on the inputs
            alone is computed for all steps together before the loop, in large products
    fuse    elementwise work on those products goes back into the loop, where that is cheaper
    cut     what is left is cut at every border where anything is sliced or concatenated, so that
            only products and elementwise operations between equal widths remain (nodes.py)
    differ  the step's vector-Jacobian product is traced by torch.func.vjp and cut the same way
    defer   of the gradients, only what the previous step needs stays in the loop; weight
            gradients become large products after it
    stage   products that read what the same step computed divide it into stages; an elementwise
            part runs in the stage of the last product that it needs

What the backward reads of the forward is a minimum cut: saved where that is fewer numbers than
saving what it is computed from, else recomputed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import fx

from unroll.engine.compiler.cut import Cut, merge_products
from unroll.engine.compiler.fuse import into_loop, moved
from unroll.engine.compiler.gradient import add_backward
from unroll.engine.compiler.hoist import (
    ONCE,
    STATE,
    Read,
    check_rowwise,
    is_rows,
    label,
    name_of,
    needed,
    regroup_sums,
    split_products,
    tidy,
    unique,
    width_of,
)
from unroll.engine.compiler.nodes import Node, Source
from unroll.engine.compiler.program import Buffer, Merged, Outer, Program, Sum
from unroll.engine.compiler.stage import forward_program
from unroll.engine.compiler.trace import Traced
from unroll.engine.refusal import Unplannable


@dataclass
class Plan:
    """A step, labelled. See `unroll.engine.explain.page` for it as a page to read."""

    traced: Traced
    levels: dict[fx.Node, int]
    # the eager parts; each takes N and the listed values, and returns the listed values
    once: fx.GraphModule
    sequence: fx.GraphModule
    before: fx.GraphModule
    after: fx.GraphModule
    once_values: list[fx.Node]
    sequence_values: list[fx.Node]
    before_values: list[fx.Node]
    after_inputs: list[fx.Node]
    emitted: list[fx.Node]
    # how `rows` are read from x, where each is one product and nothing else is hoisted over inputs
    reads: list[Read] | None
    # what the loop reads, in the order of Source.index and Block.matrix
    matrices: list[fx.Node]
    vectors: list[fx.Node]
    sequences: list[fx.Node]
    rows: list[fx.Node]
    # the loop
    new_states: list[list[Node]]  # atoms of each field
    emits: list[list[Node]]  # atoms of each emitted value
    differentiable: int  # how many of them a gradient may come back to; those after are recorded
    emit_is_state: list[int | None]  # the field whose history it is
    widths: dict[str, int]  # of whole tensors, by name
    dtypes: dict[str, torch.dtype]
    inputs: dict[Source, Node]
    forward: Program = field(init=False)
    backward: Program | None = None
    saved: dict[Node, Buffer] = field(default_factory=dict)
    outers: list[Outer] = field(default_factory=list)
    merged: dict[int, list[Merged]] = field(default_factory=dict)  # the outers, by matrix
    sums: dict[int, list[Sum]] = field(default_factory=dict)  # deferred, by vector
    deferred: dict[Source, Node] = field(default_factory=dict)  # gradients found after the loop
    kept: dict[Node, Buffer] = field(default_factory=dict)  # for the deferred part
    history: set[int] = field(default_factory=set)  # fields whose every step is kept
    rows_saved: bool = False  # whether the backward reads what was hoisted over the inputs
    recorded: bool = False  # whether every step's states, and the gradients at them, are shown

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
    """Label every value of a traced step, forward and, where asked for, backward.

    hoist: False keeps what depends on the inputs in the loop. defer: False keeps what only feeds
        the output in it. Both are for one step at a time.
    record: also emits the states and the taps, and the backward keeps the gradient at every state.
    Raises: Unplannable, with the line of the step that cannot be planned.
    """
    graph = traced.graph
    tidy(graph)
    levels = label(traced, hoist)
    if hoist:
        split_products(graph, levels)
        levels = label(traced, hoist)
        regroup_sums(traced, levels)
    output, *rest = next(n for n in graph.nodes if n.op == "output").args[0]
    count = len(traced.states)
    taps = dict(zip(traced.taps, rest[count:], strict=True))
    traced = replace(traced, output=output, new_states=rest[:count], taps=taps)
    levels = label(traced, hoist)
    for node in graph.nodes:
        node.meta["batched"] = is_rows(node, traced.batch)
        if levels[node] > ONCE:  # of parameters alone, torch may do whatever it likes
            check_rowwise(node, traced.batch)

    work = in_loop(traced, levels, defer, record)
    nodes = moved(traced, levels, work.loop) if hoist and defer else set()
    if nodes:
        inside = into_loop(levels, nodes)
        try:
            again = in_loop(traced, inside, defer, record)
            return assembled(traced, inside, again, gradients, record)
        except Unplannable:  # torch may know a gradient that the loop does not
            pass
    return assembled(traced, levels, work, gradients, record)


class Work(NamedTuple):
    """What is done where. emitted: values of the loop that are read after it, the first of them,
    as many as are `differentiable`, to make the output."""

    loop: list[fx.Node]
    emitted: list[fx.Node]
    after: set[fx.Node]
    differentiable: int


def in_loop(traced: Traced, levels: dict[fx.Node, int], defer: bool, record: bool) -> Work:
    """Divide the operations on the state into those of the loop and those after it."""
    graph = traced.graph
    in_step = needed(traced.new_states, levels)
    feeding = needed(traced.outputs, levels)
    shown = [n for n in graph.nodes if n in feeding and n not in in_step]
    after: set[fx.Node] = set()
    for node in shown:  # elementwise parts that only feed the output are fused into the loop
        last = name_of(node) == "mm" or any(a in after for a in node.all_input_nodes)
        if last and defer:
            after.add(node)
    loop = [n for n in graph.nodes if n in in_step or (n in feeding and n not in after)]

    def emitted(outputs: list[fx.Node]) -> list[fx.Node]:
        """What of the loop these are made of."""
        feeding = needed(outputs, levels)
        users = [n for n in graph.nodes if n in after and n in feeding]
        read = [a for user in users for a in user.all_input_nodes]
        return [a for a in (*read, *outputs) if levels[a] == STATE and a not in after]

    first = unique(emitted([traced.output]))
    recorded = [*traced.new_states, *emitted(traced.outputs)] if record else []
    return Work(loop, unique([*first, *recorded]), after, len(first))


def assembled(
    traced: Traced, levels: dict[fx.Node, int], work: Work, gradients: bool, record: bool
) -> Plan:
    """The plan of what is cut, with its backward and its stages."""
    cut = Cut(traced, levels, work.loop, work.emitted, work.after)
    cut.find_cuts()
    new_states = [cut.atoms(n, as_nodes=True) for n in traced.new_states]
    emits = [cut.atoms(n, as_nodes=True) for n in cut.emitted]
    same = [next((k for k, n in enumerate(traced.new_states) if n is e), None) for e in cut.emitted]
    widths = {f"state:{k}": width_of(n) for k, n in enumerate(traced.states)}
    widths |= {f"sequence:{k}": width_of(n) for k, n in enumerate(cut.sequences)}
    widths |= {f"rows:{k}": width_of(n) for k, n in enumerate(cut.rows)}
    widths |= {f"vector:{k}": width_of(n) for k, n in enumerate(cut.vectors)}
    widths |= {f"emit:{k}": width_of(n) for k, n in enumerate(cut.emitted)}
    dtypes = {
        f"{kind}:{k}": n.meta["val"].dtype
        for kind, nodes in (
            ("state", traced.states),
            ("sequence", cut.sequences),
            ("rows", cut.rows),
            ("vector", cut.vectors),
            ("emit", cut.emitted),
        )
        for k, n in enumerate(nodes)
    }
    made = Plan(
        traced=traced,
        levels=cut.levels,
        matrices=cut.matrices,
        vectors=cut.vectors,
        sequences=cut.sequences,
        rows=cut.rows,
        new_states=new_states,
        emits=emits,
        differentiable=work.differentiable,
        emit_is_state=same,
        emitted=cut.emitted,
        widths=widths,
        dtypes=dtypes,
        inputs=cut.inputs,
        **cut.eager_parts(),
        recorded=record,
    )
    merge_products([a for atoms in (*new_states, *emits) for a in atoms])
    made.history = {k for k in same if k is not None}
    if gradients:
        add_backward(made)
    made.forward = forward_program(made)
    return made
