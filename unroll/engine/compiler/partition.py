"""Which operations on the state run in the loop, and which after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import fx

from unroll.engine.compiler.traced import STATE, Traced, name_of, unique


@dataclass(frozen=True)
class Partition:
    """The operations on the state, divided into those of the loop and those after it.

    Attributes:
        loop: what the loop computes, in the order of the graph.
        emitted: values of the loop that are read after it; the first `differentiable` of them
            make the output.
        after: what is computed after the loop, for all steps together.
        differentiable: how many of the emitted values a gradient may come back to; the others are
            recorded only.
    """

    loop: list[fx.Node]
    emitted: list[fx.Node]
    after: set[fx.Node]
    differentiable: int


def partition(
    traced: Traced, levels: Mapping[fx.Node, int], defer: bool, record: bool
) -> Partition:
    """Divide the operations on the state into those of the loop and those after it.

    Args:
        traced: the step.
        levels: what each value depends on.
        defer: whether products that only feed the output are computed after the loop.
        record: whether the states and the taps are emitted too.
    """
    graph = traced.graph
    in_step = needed(traced.new_states, levels)
    feeding = needed(traced.outputs, levels)
    after: set[fx.Node] = set()
    for node in graph.nodes:
        if node not in feeding or node in in_step or not defer:
            continue
        # elementwise parts that only feed the output are fused into the loop
        if name_of(node) == "mm" or any(a in after for a in node.all_input_nodes):
            after.add(node)
    loop = [n for n in graph.nodes if n in in_step or (n in feeding and n not in after)]

    def emitted(outputs: list[fx.Node]) -> list[fx.Node]:
        """The values of the loop that these outputs are made of."""
        feeding = needed(outputs, levels)
        users = [n for n in graph.nodes if n in after and n in feeding]
        read = [a for user in users for a in user.all_input_nodes]
        return [a for a in (*read, *outputs) if levels[a] == STATE and a not in after]

    first = unique(emitted([traced.output]))
    recorded = [*traced.new_states, *emitted(traced.outputs)] if record else []
    return Partition(loop, unique([*first, *recorded]), after, len(first))


def needed(targets: Iterable[fx.Node], levels: Mapping[fx.Node, int]) -> set[fx.Node]:
    """The operations on the state that the targets are made of."""
    found: set[fx.Node] = set()
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node in found or levels[node] < STATE or node.op != "call_function":
            continue
        found.add(node)
        stack.extend(node.all_input_nodes)
    return found
