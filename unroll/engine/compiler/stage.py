"""Which node runs in which stage of a step, at which width, and what is kept between stages."""

from __future__ import annotations

from typing import Any

import torch

from unroll.engine.compiler.cut import LoopGraph
from unroll.engine.compiler.nodes import Node, ancestors
from unroll.engine.compiler.program import (
    Buffer,
    Group,
    Program,
    Stores,
    load_of,
    store_beside,
)


def forward_program(
    loop: LoopGraph, emit_is_state: list[int | None], saved: dict[Node, Buffer]
) -> Program:
    """The stages of the forward loop.

    Args:
        loop: the step.
        emit_is_state: of each emitted value, the field of the state that it is, or None.
        saved: what is saved for the backward, and where.
    """
    stores: Stores = {}
    for k, pieces in enumerate(loop.new_states):
        store_beside(stores, pieces, f"state:{k}", "next")
    for k, pieces in enumerate(loop.emits):
        if emit_is_state[k] is None:
            store_beside(stores, pieces, f"emit:{k}", "rows")
    for node, buffer in saved.items():
        if node.op != "input" and buffer not in stores.get(node, []):
            stores.setdefault(node, []).append(buffer)
    return schedule(stores, {n: load_of(s, n) for s, n in loop.inputs.items()})


def schedule(stores: Stores, loads: dict[Node, Buffer]) -> Program:
    """Put the nodes that make `stores` into stages and groups.

    A value needed in another stage, at another width, or as the operand of a product is kept in a
    scratch buffer.

    Args:
        stores: where each value is written.
        loads: where inputs, and values of an earlier program, are read.
    """
    work = _Schedule(stores, loads)
    work.number_stages()
    work.keep_between_stages()
    count = max(work.stage.values(), default=-1) + 1
    stages = [groups for groups in map(work.groups_of, range(count)) if groups]
    return Program(stages, work.kept, work.stores, work.scratch)


class _Schedule:
    """The nodes of one program while they are put into stages.

    Attributes:
        order: what is computed, operands first.
        stage: the number of each node's stage.
        kept: where values are read that are not computed where they are read.
        stores: where values are written.
        scratch: columns and type of the tensors that live within a step.
    """

    def __init__(self, stores: Stores, loads: dict[Node, Buffer]) -> None:
        targets = list(stores)
        self.loads, self.kept = loads, dict(loads)
        self.order = [n for n in ancestors(targets, loads.__contains__) if n not in loads]
        copies: dict[Node, Node] = {}
        for node in targets:  # an input that is an output too must be copied by a node
            if node in loads:
                copies[node] = Node("clone", (node,), node.width, True, node.dtype, node.line)
                self.order.append(copies[node])
        self.stores: Stores = {copies.get(n, n): list(b) for n, b in stores.items()}
        self.computed = set(self.order)
        self.stage: dict[Node, int] = {}
        self.scratch: dict[str, tuple[int, torch.dtype]] = {}

    def simple(self, node: Node) -> bool:
        """Cheap to compute again where it is read: made of inputs alone, elementwise."""
        return node.op != "product" and all(a not in self.computed for a in node.operands)

    def apart(self, node: Node, a: Node) -> bool:
        """Whether a node must run in a later stage than its operand a."""
        return node.op == "product" or (a.width != node.width and not self.simple(a))

    def number_stages(self) -> None:
        """Each node in the first stage where its operands are ready, then as late as saves."""
        for node in self.order:
            ready = [
                self.stage[a] + self.apart(node, a) for a in node.operands if a in self.computed
            ]
            self.stage[node] = max(ready, default=0)
        users: dict[Node, list[Node]] = {}
        for node in self.order:
            for a in node.operands:
                users.setdefault(a, []).append(node)
        for node in reversed(self.order):  # nothing earlier than needed, where that keeps less
            moving = {a for a in node.operands if a in self.computed}
            readers = users.get(node, [])
            if (
                node.op != "product"
                and node not in self.stores
                and len(moving) <= 1
                and readers
                and all(u.op != "product" and u.width == node.width for u in readers)
            ):
                last = min(self.stage[u] for u in readers)
                self.stage[node] = max(self.stage[node], last)

    def keep_between_stages(self) -> None:
        """Keep what is read by a product, at another width, or in another stage."""
        for node in self.order:
            for a in node.operands:
                if a not in self.computed:
                    continue
                later = a.width == node.width and self.stage[a] != self.stage[node]
                if self.apart(node, a) or (later and not self.simple(a)):
                    self.keep(a)

    def keep(self, node: Node) -> None:
        """Note where a value is read again, in a scratch buffer if it is written nowhere else."""
        if node in self.kept:
            return
        # what is saved for the backward is not there where no gradient is wanted
        written = (b for b in self.stores.get(node, ()) if not b.tensor.startswith("saved"))
        at = next(written, None)
        if at is None:
            name = f"scratch:{len(self.scratch)}"
            self.scratch[name] = (node.width, node.dtype)
            at = Buffer(name, 0, node.width, "fixed", node.dtype)
            self.stores.setdefault(node, []).append(at)
        self.kept[node] = at

    def groups_of(self, number: int) -> list[Group]:
        """What a stage does, a group for each width."""
        here = [n for n in self.order if self.stage[n] == number]
        groups = []
        for width in dict.fromkeys(n.width for n in here):
            mine = [n for n in here if n.width == width]
            roots = [n for n in mine if n in self.stores]
            if not roots:
                continue
            products: dict[tuple[Any, ...], list[Node]] = {}
            for n in mine:
                if n.op == "product":
                    products.setdefault(n.args, []).append(n)
            groups.append(Group(width, list(products.values()), self.body(roots, set(mine))))
        return groups

    def body(self, roots: list[Node], inside: set[Node]) -> list[Node]:
        """The elementwise nodes of a group that its roots are made of, operands first."""

        def given(a: Node) -> bool:
            """Whether a value is read, or a sum of products, and not computed in the body."""
            elsewhere = a in self.computed and a not in inside
            read = elsewhere and a in self.kept and not self.simple(a)
            return a in self.loads or a.op == "product" or read

        return [
            n
            for n in ancestors(roots, given)
            if n not in self.loads and n.op != "product" and (n in inside or self.simple(n))
        ]
