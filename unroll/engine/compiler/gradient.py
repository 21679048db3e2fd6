"""The gradient of a step: its vector-Jacobian product, traced and converted to nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import vjp

from unroll.engine.compiler.convert import MatrixBlock, WeightGradient, convert
from unroll.engine.compiler.cut import LoopGraph
from unroll.engine.compiler.hoist import tidy
from unroll.engine.compiler.merge import merge_products
from unroll.engine.compiler.nodes import Block, InputSource, Node, ancestors, evaluate
from unroll.engine.compiler.trace import graph_of
from unroll.engine.compiler.traced import Traced


@dataclass(frozen=True)
class StepGradient:
    """A step and its gradient, as one graph.

    Attributes:
        loop: the step; its results are the values that the gradient reads.
        sources: the gradient of what each source reads: a node, a number, or None.
        blocks: the gradient of each block of a matrix: a weight gradient, or a number.
        states: the gradient at each piece of each field of the new state, where the plan is
            recorded; else None for each.
        incoming: the nodes of the gradients that come back to the new states and emitted values.
    """

    loop: LoopGraph
    sources: dict[InputSource, Any]
    blocks: dict[Block, Any]
    states: list[list[Any]]
    incoming: list[Node]


def differentiate(
    traced: Traced, loop: LoopGraph, differentiable: int, recorded: bool
) -> StepGradient:
    """Trace the vector-Jacobian product of a step and convert it to nodes.

    Args:
        traced: the step, for its batch size and what of it is noise.
        loop: its operations as nodes.
        differentiable: how many of the emitted values a gradient may come back to.
        recorded: whether the gradient at every state is wanted.

    Raises:
        Unplannable: for a gradient that needs an operation which is not planned.
    """
    joint = _Joint(traced, loop, differentiable, recorded)
    graph = graph_of(joint.run, joint.examples()).graph
    tidy(graph)
    incoming = incoming_gradients(loop, differentiable)
    results = convert(graph, [*joint.placeholders(), *incoming], traced.batch)
    count = len(joint.results)
    nodes = [as_result(r, like) for r, like in zip(results, joint.results, strict=False)]
    sources, blocks, shifted = joint.named(results[count:])

    found = [*results[count:]]
    roots = [*nodes, *(g for g in found if isinstance(g, Node))]
    roots += [n for g in found if isinstance(g, WeightGradient) for t in g.terms for n in t]
    merged = merge_products(roots)
    new = lambda gradient: replaced(gradient, merged)  # noqa: E731
    return StepGradient(
        loop=loop.with_results([merged[n] for n in nodes]),
        sources={s: new(g) for s, g in sources.items()},
        blocks={b: new(g) for b, g in blocks.items()},
        states=[[new(shifted.get(a)) for a in pieces] for pieces in loop.new_states],
        incoming=[merged.get(n, n) for n in incoming],
    )


class _Joint:
    """A step with its vector-Jacobian product, as one function to trace.

    It takes, in this order, what no gradient is wanted of, the sources that one is wanted of, the
    blocks of matrices, a zero for each new state that is recorded, and the incoming gradients.
    """

    def __init__(
        self, traced: Traced, loop: LoopGraph, differentiable: int, recorded: bool
    ) -> None:
        self.batch, self.inputs, self.results = traced.batch, loop.inputs, loop.results
        noise = noise_values(traced)
        values = {"rows": loop.rows, "sequence": loop.sequences}

        def wanted(source: InputSource) -> bool:
            """Whether a gradient of this source is wanted."""
            is_noise = source.kind in values and values[source.kind][source.index] in noise
            return loop.inputs[source].dtype.is_floating_point and not is_noise

        self.wanted = [s for s in loop.inputs if wanted(s)]
        self.closed = [s for s in loop.inputs if not wanted(s)]
        nodes = ancestors(self.results)
        self.blocks = list(dict.fromkeys(b for n in nodes for b in n.blocks if b.matrix >= 0))
        first = sum(map(len, (*loop.new_states, *loop.emits[:differentiable])))
        # numbers of the results that a gradient comes back to
        self.smooth = [k for k, a in enumerate(self.results[:first]) if a.dtype.is_floating_point]
        self.states = [a for pieces in loop.new_states for a in pieces]
        # the gradient at a state is that of a zero added to it, for all who read it
        floats = [a for a in self.states if a.dtype.is_floating_point]
        self.shifted = list(dict.fromkeys(floats)) if recorded else []

    def examples(self) -> list[Tensor]:
        """An example of every argument."""
        like = next((self.results[k].dtype for k in self.smooth), torch.float32)
        inputs = [self.inputs[s] for s in (*self.closed, *self.wanted)]
        rows = [*self.shifted, *(self.results[k] for k in self.smooth)]
        return [
            # ones: a step may divide by a whole number
            *(
                torch.ones((self.batch, n.width) if n.rows else (n.width,), dtype=n.dtype)
                for n in inputs
            ),
            *(torch.zeros(b.shape, dtype=like) for b in self.blocks),
            *(torch.zeros(self.batch, n.width, dtype=n.dtype) for n in rows),
        ]

    def placeholders(self) -> list[Any]:
        """The node of every argument except the incoming gradients."""
        return [
            *(self.inputs[s] for s in (*self.closed, *self.wanted)),
            *(MatrixBlock(b, False) for b in self.blocks),
            *(0.0 for _ in self.shifted),
        ]

    def named(
        self, gradients: list[Any]
    ) -> tuple[dict[InputSource, Any], dict[Block, Any], dict[Node, Any]]:
        """The gradients that `run` returns after its values: of sources, blocks and states."""
        rest = iter(gradients)
        sources = {s: next(rest) for s in self.wanted}
        blocks = {b: next(rest) for b in self.blocks}
        shifted = {a: next(rest) for a in self.shifted}
        return sources, blocks, shifted

    def run(self, *tensors: Tensor) -> list[Tensor]:
        """The results of the step, and the gradients of all that one is wanted of."""
        rest = iter(tensors)
        fixed = {self.inputs[s]: next(rest) for s in self.closed}
        primals = [next(rest) for _ in (*self.wanted, *self.blocks, *self.shifted)]
        cotangents = tuple(rest)
        found, pull, exact = vjp(  # type: ignore[misc]
            lambda *primals: self.step(fixed, primals), *primals, has_aux=True
        )
        floats, others = iter(found), iter(exact)
        values = [
            next(floats) if k in self.smooth else next(others) for k in range(len(self.results))
        ]
        return [*values, *pull(cotangents)]

    def step(
        self, fixed: Mapping[Node, Tensor], primals: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The results of the step: those that a gradient comes back to, and the others, all [B, w].

        Args:
            fixed: values [B, w], or [w] of vectors, of the inputs that no gradient is wanted of.
            primals: the other inputs, [B, w] or [w]; then the blocks of the matrices,
                [rows, columns]; then the zeros [B, w] that are added to the new states.
        """
        each = iter(primals)
        given = {self.inputs[s]: next(each) for s in self.wanted}
        parts = {b: next(each) for b in self.blocks}
        shifts = {a: next(each) for a in self.shifted}
        out = evaluate(self.results, {**fixed, **given}, parts, shifts=shifts)
        for k, a in enumerate(self.states):
            if a in given and a in shifts:  # a field that stays as it is: nothing computed it
                out[k] = out[k] + shifts[a]
        out = [o.expand(self.batch, a.width) for o, a in zip(out, self.results, strict=True)]
        exact = tuple(o for k, o in enumerate(out) if k not in self.smooth)
        return tuple(out[k] for k in self.smooth), exact


def noise_values(traced: Traced) -> set[Any]:
    """The noises of a step and everything that is made of noise alone: they have no gradient."""
    noise = {traced.size, *(n for _, n in traced.noises.values())}
    for n in traced.graph.nodes:
        if n.op == "call_function" and n.all_input_nodes and noise.issuperset(n.all_input_nodes):
            noise.add(n)
    return noise


def incoming_gradients(loop: LoopGraph, differentiable: int) -> list[Node]:
    """The nodes that read the gradients of the new states and of the emitted values."""
    found: list[Node] = []
    count = len(loop.new_states)
    for number, pieces in enumerate((*loop.new_states, *loop.emits[:differentiable])):
        kind, index = ("d_state", number) if number < count else ("d_emit", number - count)
        lo = 0
        for a in pieces:
            if a.dtype.is_floating_point:
                source = InputSource(kind, index, lo)
                found.append(Node("input", (), a.width, True, a.dtype, a.line, source=source))
            lo += a.width
    return found


def as_result(value: Any, like: Node) -> Node:
    """A result of the joint graph as a node with the width and rows of the step's own."""
    if not isinstance(value, Node):
        value = Node("constant", (value,), like.width, True, like.dtype, like.line)
    if value.width == like.width and value.rows:
        return value
    return Node("clone", (value,), like.width, True, like.dtype, like.line)


def replaced(gradient: Any, merged: Mapping[Node, Node]) -> Any:
    """A gradient in a graph whose products were merged."""
    if isinstance(gradient, Node):
        return merged[gradient]
    if isinstance(gradient, WeightGradient):
        return WeightGradient(tuple((merged[a], merged[b]) for a, b in gradient.terms))
    return gradient
