"""What the forward saves for the backward: the fewest numbers from which the rest is computed."""

from __future__ import annotations

from dataclasses import dataclass

import networkx

from unroll.engine.compiler.nodes import Node, ancestors
from unroll.engine.compiler.program import Buffer, Forms


@dataclass(frozen=True)
class Saved:
    """What the forward saves for the backward.

    Attributes:
        buffers: the saved values, and where each is saved.
        history: the numbers of the fields of the state whose every step is kept.
        forms: the tensors that hold them, beside states.
    """

    buffers: dict[Node, Buffer]
    history: set[int]
    forms: Forms


def save(new_states: list[list[Node]], history: set[int], read: list[Node]) -> Saved:
    """Choose what the forward saves so that the values that are read can be computed again.

    Args:
        new_states: the pieces of each field of the new state.
        history: fields whose every step is kept anyway.
        read: the values of the forward that the backward reads.
    """
    chosen = read
    while True:  # a state whose every step is kept costs nothing more
        states = {n.source.index for n in (*read, *chosen) if n.source and n.source.kind == "state"}
        if chosen is not read and states <= history:
            break
        history = history | states
        chosen = smallest_cut(new_states, history, read)
    field_of = {a: k for k, pieces in enumerate(new_states) for a in pieces}
    buffers: dict[Node, Buffer] = {}
    forms: Forms = {}
    for node in chosen:
        if not node.rows or node.op in ("input", "constant"):
            continue  # at hand
        field = field_of.get(node)
        if field is not None and field in history:
            pieces = new_states[field]
            lo = sum(a.width for a in pieces[: pieces.index(node)])
            buffers[node] = Buffer(f"state:{field}", lo, node.width, "next", node.dtype)
            continue
        name = "saved" if node.dtype.is_floating_point else f"saved:{node.dtype}"
        lo = forms[name][0] if name in forms else 0
        buffers[node] = Buffer(name, lo, node.width, "rows", node.dtype)
        forms[name] = lo + node.width, node.dtype
    return Saved(buffers, history, forms)


def smallest_cut(new_states: list[list[Node]], history: set[int], read: list[Node]) -> list[Node]:
    """The fewest numbers between what a step is given and the values that are read.

    A minimum cut: an edge through every value with its width as capacity, none where it is at
    hand anyway.
    """
    if not read:
        return []
    field_of = {a: k for k, pieces in enumerate(new_states) for a in pieces}
    network = networkx.DiGraph()
    nodes = ancestors(read)
    for depth, node in enumerate(nodes):
        source = node.source
        state = source.index if source and source.kind == "state" else field_of.get(node)
        free = (
            not node.rows
            or node.op == "constant"
            or state in history
            or (source is not None and source.kind == "sequence")
        )
        # of two equal choices the later one, from which less is computed again
        cost = 0 if free else node.width * 4096 - min(depth, 4095)
        network.add_edge(("in", node), ("out", node), capacity=cost)
        if node.op in ("input", "product", "constant"):
            network.add_edge("source", ("in", node))  # no capacity: never cut
        for a in node.operands:
            network.add_edge(("out", a), ("in", node))
    for node in read:
        network.add_edge(("out", node), "sink")
    _, (reached, _) = networkx.minimum_cut(network, "source", "sink")
    return [n for n in nodes if ("in", n) in reached and ("out", n) not in reached]
