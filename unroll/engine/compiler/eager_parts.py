"""The eager parts around the loop: what torch computes once, once a sequence, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx

from unroll.engine.compiler.cut import LoopGraph
from unroll.engine.compiler.partition import Partition
from unroll.engine.compiler.traced import (
    BEFORE,
    ONCE,
    SEQUENCE,
    STATE,
    Traced,
    is_sum,
    name_of,
    unique,
)
from unroll.engine.products import linear


@dataclass(frozen=True)
class HoistedProduct:
    """A value that is hoisted over the inputs in one product with them.

    Attributes:
        matrix: the matrix; the value is x @ matrix.T + bias where it is turned, else x @ matrix.
        turned: whether the product is with the transposed matrix.
        bias: what is added, or None.
    """

    matrix: fx.Node
    turned: bool
    bias: fx.Node | None


@dataclass(frozen=True)
class EagerParts:
    """The modules around the loop, and what passes between them.

    Attributes:
        once: takes the parameters; returns `once_values`.
        sequence: takes N, the once values and the noise of a call; returns `sequence_values`.
        before: takes N, those values, x and the noise of each step; returns `before_values`.
        after: takes N and `after_inputs`; returns the output and the taps.
        once_values: what is computed of parameters alone.
        sequence_values: what is computed once for each sequence.
        before_values: what is computed of the inputs, for all steps together.
        after_inputs: what is read after the loop.
        reads: how the rows that the loop reads are made of x, where each is one product of x and
            nothing else is hoisted over the inputs; else None.
    """

    once: fx.GraphModule
    sequence: fx.GraphModule
    before: fx.GraphModule
    after: fx.GraphModule
    once_values: list[fx.Node]
    sequence_values: list[fx.Node]
    before_values: list[fx.Node]
    after_inputs: list[fx.Node]
    reads: list[HoistedProduct] | None


def eager_parts(
    traced: Traced, levels: Mapping[fx.Node, int], division: Partition, loop: LoopGraph
) -> EagerParts:
    """What is computed around the loop, as modules."""
    after = [n for n in traced.graph.nodes if n in division.after]
    read_after = [a for n in after for a in n.all_input_nodes if a not in division.after]
    borders = [*loop.matrices, *loop.vectors, *loop.sequences, *loop.rows, *read_after]
    borders += [n for n in traced.outputs if levels[n] < STATE]
    borders = unique(b for b in borders if levels[b] < STATE and b is not traced.size)

    crossing = lambda level, wanted: crossing_values(traced, levels, level, wanted)  # noqa: E731
    once, sequence = crossing(ONCE, borders), crossing(SEQUENCE, borders)
    before = [b for b in borders if levels[b] == BEFORE]
    reads = hoisted_products(traced, levels, loop.rows)
    if before != loop.rows or not set(read_after).isdisjoint(loop.rows):
        reads = None
    if reads is not None:
        before = []
        parts = [p for r in reads for p in (r.matrix, r.bias) if p is not None]
        once = unique([*crossing(ONCE, [b for b in borders if b not in loop.rows]), *parts])
    size, graph = traced.size, traced.graph
    call_noise = [n for each, n in traced.noises.values() if each == "call"]
    step_noise = [n for each, n in traced.noises.values() if each == "step"]
    after_inputs = unique([*once, *sequence, *before, *division.emitted])
    return EagerParts(
        once=extract(list(traced.parameters.values()), once, graph),
        sequence=extract([size, *once, *call_noise], sequence, graph),
        before=extract([size, *once, *sequence, traced.x, *step_noise], before, graph),
        after=extract([size, *after_inputs], traced.outputs, graph),
        once_values=once,
        sequence_values=sequence,
        before_values=before,
        after_inputs=after_inputs,
        reads=reads,
    )


def crossing_values(
    traced: Traced, levels: Mapping[fx.Node, int], level: int, wanted: Iterable[fx.Node]
) -> list[fx.Node]:
    """The values of a level that are wanted, or read on the way to wanted ones of later levels."""
    wanted = list(wanted)
    found = [w for w in wanted if levels[w] == level]
    seen, stack = set(), [w for w in wanted if levels[w] > level]
    while stack:
        node = stack.pop()
        for a in node.all_input_nodes:
            if levels[a] == level and a is not traced.size:
                found.append(a)
            elif levels[a] > level and a not in seen:
                seen.add(a)
                stack.append(a)
    return unique(found)


def hoisted_products(
    traced: Traced, levels: Mapping[fx.Node, int], values: Iterable[fx.Node]
) -> list[HoistedProduct] | None:
    """The values as one product of x each; None where there are none, or one is something else."""
    found = []
    for value in values:
        product = hoisted_product(traced, levels, value)
        if product is None:
            return None
        found.append(product)
    return found or None


def hoisted_product(
    traced: Traced, levels: Mapping[fx.Node, int], value: fx.Node
) -> HoistedProduct | None:
    """A hoisted value as one product of x, where it is that."""
    bias = None
    args: Any = value.args
    if is_sum(value):
        for mm, other in (args, args[::-1]):
            if levels[other] == ONCE and other.meta["val"].dim() == 1:
                value, bias, args = mm, other, mm.args
                break
    if value.op != "call_function" or name_of(value) != "mm" or args[0] is not traced.x:
        return None
    matrix = args[1]
    if levels[matrix] != ONCE:
        return None
    turned = name_of(matrix) in ("permute", "t")
    return HoistedProduct(matrix.args[0] if turned else matrix, turned, bias)


def extract(inputs: list[fx.Node], outputs: list[fx.Node], graph: fx.Graph) -> fx.GraphModule:
    """The operations that make the outputs of the inputs, as a module."""
    part = fx.Graph()
    copies = {n: part.placeholder(f"input_{k}") for k, n in enumerate(inputs)}
    for n, copy in copies.items():
        copy.meta.update(n.meta)
    wanted: set[fx.Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in wanted and node not in copies:
            wanted.add(node)
            stack.extend(node.all_input_nodes)
    for node in graph.nodes:
        if node in wanted and node not in copies:
            copies[node] = part.node_copy(node, lambda n: copies[n])
    part.output(tuple(copies[n] for n in outputs))
    return fx.GraphModule({}, large_products(part))


def large_products(graph: fx.Graph) -> fx.Graph:
    """Let the products of all steps together, with their bias, go to the fastest library."""
    for node in list(graph.nodes):
        if node.op != "call_function" or name_of(node) != "mm":
            continue
        x, matrix = node.args
        bias, last = None, node
        user = next(iter(node.users)) if len(node.users) == 1 else None
        if user is not None and is_sum(user):
            other = next((a for a in user.args if a is not node), node)
            val = other.meta.get("val")
            if isinstance(val, Tensor) and val.dim() == 1:
                bias, last = other, user
        with graph.inserting_before(last):
            new = graph.call_function(linear, (x, matrix, bias))
            new.meta.update(last.meta)
        last.replace_all_uses_with(new)
    graph.eliminate_dead_code()
    return graph
