"""Which node runs in which stage of a step, at which width, and what is kept between stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from unroll.engine.compiler.hoist import unique
from unroll.engine.compiler.nodes import Node, Source, ancestors
from unroll.engine.compiler.program import Buffer, Group, Program

if TYPE_CHECKING:
    from unroll.engine.compiler.plan import Plan


def forward_program(made: Plan) -> Program:
    stores: dict[Node, list[Buffer]] = {}
    for k, atoms in enumerate(made.new_states):
        place(stores, atoms, f"state:{k}", "next")
    for k, atoms in enumerate(made.emits):
        if made.emit_is_state[k] is None:
            place(stores, atoms, f"emit:{k}", "rows")
    for node, buffer in made.saved.items():
        if node.op != "input" and not any(b == buffer for b in stores.get(node, [])):
            stores.setdefault(node, []).append(buffer)
    return schedule(stores, {n: load_of(s, n) for s, n in made.inputs.items()})


def place(stores: dict[Node, list[Buffer]], atoms: list[Node], tensor: str, time: str) -> None:
    """Store atoms side by side in one tensor."""
    lo = 0
    for atom in atoms:
        stores.setdefault(atom, []).append(Buffer(tensor, lo, atom.width, time, atom.dtype))
        lo += atom.width


def load_of(source: Source, node: Node) -> Buffer:
    time = {"state": "previous", "rows": "rows", "d_emit": "rows", "d_state": "carried"}.get(
        source.kind, "fixed"
    )
    name = f"{source.kind}:{source.index}"
    return Buffer(name, source.lo, node.width, time, node.dtype, shared=not node.rows)


def schedule(stores: dict[Node, list[Buffer]], loads: dict[Node, Buffer]) -> Program:
    """Put the nodes that make `stores` into stages and groups.

    loads: where inputs, and values of an earlier program, are read. A value needed in another
    stage, at another width, or as the operand of a product is kept in a scratch buffer.
    """
    targets = list(stores)
    known = loads.__contains__
    order = [n for n in ancestors(targets, known) if n not in loads]
    copies: dict[Node, Node] = {}
    for node in targets:  # an input that is an output too must be copied by a node
        if node in loads:
            copies[node] = Node("clone", (node,), node.width, True, node.dtype, node.line)
            order.append(copies[node])
    stores = {copies.get(n, n): b for n, b in stores.items()}
    computed = set(order)

    def simple(node: Node) -> bool:
        """Cheap to compute again where it is read: made of inputs alone, elementwise."""
        return node.op != "product" and all(a not in computed for a in node.operands)

    stage: dict[Node, int] = {}
    for node in order:
        at = 0
        for a in node.operands:
            if a not in computed:
                continue
            apart = node.op == "product" or (a.width != node.width and not simple(a))
            at = max(at, stage[a] + apart)
        stage[node] = at
    users: dict[Node, list[Node]] = {}
    for node in order:
        for a in node.operands:
            users.setdefault(a, []).append(node)
    for node in reversed(order):  # nothing earlier than it is needed, where that keeps less
        moving = {a for a in node.operands if a in computed}
        readers = users.get(node, [])
        if (
            node.op != "product"
            and node not in stores
            and len(moving) <= 1
            and readers
            and all(u.op != "product" and u.width == node.width for u in readers)
        ):
            stage[node] = max(stage[node], min(stage[u] for u in readers))

    scratch: dict[str, tuple[int, torch.dtype]] = {}
    kept = dict(loads)

    def keep(node: Node) -> None:
        if node not in kept:
            # what is saved for the backward is not there where no gradient is wanted
            at = next((b for b in stores.get(node, ()) if not b.tensor.startswith("saved")), None)
            if at is not None:
                kept[node] = at
                return
            name = f"scratch:{len(scratch)}"
            scratch[name] = (node.width, node.dtype)
            kept[node] = Buffer(name, 0, node.width, "fixed", node.dtype)
            stores.setdefault(node, []).append(kept[node])

    for node in order:
        for a in node.operands:
            if a not in computed:
                continue
            if node.op == "product" or (a.width != node.width and not simple(a)):
                keep(a)
            elif a.width == node.width and stage[a] != stage[node] and not simple(a):
                keep(a)

    stages: list[list[Group]] = []
    for at in range(max(stage.values(), default=-1) + 1):
        here = [n for n in order if stage[n] == at]
        groups = []
        for width in unique(n.width for n in here):
            mine = [n for n in here if n.width == width]
            products: dict[tuple[Any, ...], list[Node]] = {}
            for n in mine:
                if n.op == "product":
                    products.setdefault(n.args, []).append(n)
            roots = [n for n in mine if n in stores]
            if not roots:
                continue
            inside = set(mine)
            body = [
                n
                for n in ancestors(
                    roots,
                    lambda a, inside=inside: (  # type: ignore[misc]
                        a in loads
                        or a.op == "product"
                        or (a in computed and a not in inside and a in kept and not simple(a))
                    ),
                )
                if n not in loads and n.op != "product" and (n in inside or simple(n))
            ]
            groups.append(Group(width, list(products.values()), body))
        if groups:
            stages.append(groups)
    return Program(stages, kept, stores, scratch)
