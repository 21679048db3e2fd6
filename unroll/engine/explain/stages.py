"""The sections of a page for the stages of the loop, forward and backward."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from unroll.engine.compiler.nodes import Node, ancestors
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.program import Group, Program
from unroll.engine.explain.equations import NamedColumns, joined
from unroll.engine.explain.layout import Line, PlanSection, merged
from unroll.engine.explain.loop_names import LoopNames, is_product, sides
from unroll.engine.explain.names import Names
from unroll.engine.explain.terms import Terms

Note = Callable[[Node], str]  # what is kept of a value, in a word


class StageWriter:
    """Writes the equations of the loop, a section for each stage."""

    def __init__(self, plan: Plan, names: Names, terms: Terms) -> None:
        self.plan, self.names, self.terms = plan, names, terms
        self.loop_names = LoopNames(plan, names, terms)

    def forward(self) -> list[PlanSection]:
        """The sections of the forward loop."""
        self.loop_names.name_results()
        return self.stages("forward", self.plan.forward, self.forward_note)

    def backward(self) -> list[PlanSection]:
        """The sections of the backward loop."""
        if self.plan.backward is None:
            return []
        self.loop_names.name_gradients()
        return self.stages("backward", self.plan.backward.program, self.backward_note)

    def stages(self, name: str, program: Program, note: Note) -> list[PlanSection]:
        """A section for each stage: its products, then what is elementwise, in the user's order."""
        users = users_of(program)
        sections: list[PlanSection] = []
        done: set[Node] = set()
        for number, stage in enumerate(program.stages, 1):
            nodes = nodes_of(stage)
            inlined = single_products(nodes)
            shown = [
                n
                for n in dict.fromkeys(nodes)
                if n not in done
                and (
                    n in program.stores
                    or (is_product(n) and n not in inlined)
                    or (len(users.get(n, ())) > 1 and n.op not in ("constant", "clone"))
                )
            ]
            done |= set(shown)
            ordered = self.in_order(shown)
            self.loop_names.name_stage(ordered)
            if name == "backward":  # the forward is shown in the pieces of the user's step
                while self.gather(ordered, note):
                    pass
            lines = merged(self.lines(ordered, note))
            sections.append(PlanSection(f"{name}, stage {number}", lines))
        return sections

    def lines(self, nodes: list[Node], note: Note) -> list[Line]:
        """The equations of values that have a name."""
        return [
            Line(
                self.names.of_nodes[n],
                self.terms.term(n, top=True),
                "B",
                note(n),
                self.loop_names.line(n, self.names.of_nodes[n]),
            )
            for n in nodes
        ]

    def gather(self, nodes: list[Node], note: Note) -> bool:
        """Make values that differ only in which columns they read columns of one value.

        Returns:
            Whether there were any; there may be more.
        """
        names = self.names.of_nodes
        lines = dict(zip(nodes, self.lines(nodes, note), strict=True))
        free = [
            n for n in nodes if names[n].name in self.names.letters and names[n].width == n.width
        ]
        for first in free:
            row, term = [first], lines[first].term
            for node in free:
                both = joined(term, lines[node].term)
                if node in row or both is None or lines[node].note != lines[first].note:
                    continue
                row, term = [*row, node], both
            if len(row) > 1:
                name, lo, width = names[first].name, 0, sum(n.width for n in row)
                for node in row:
                    names[node] = NamedColumns(name, lo, lo + node.width, width)
                    lo += node.width
                return True
        return False

    def in_order(self, nodes: list[Node]) -> list[Node]:
        """Operands first, products before the rest, else as in the user's step."""
        waiting, found, left = set(nodes), [], list(nodes)
        stop = lambda a: a in waiting or a in self.names.of_nodes  # noqa: E731
        behind = {n: {a for a in ancestors(n.operands, stop) if a in waiting} for n in nodes}
        place = {n: k for k, n in enumerate(nodes)}

        def key(node: Node) -> tuple[int, ...]:
            if is_product(node):
                block = node.blocks[0]
                return 0, block.matrix, block.columns[0], block.rows[0]
            at = self.loop_names.places.get(node)
            return (1, at.order, at.lo) if at is not None else (1, place[node], 0)

        while left:
            ready = [n for n in left if not behind[n] & waiting]
            node = min(ready, key=key)
            found.append(node)
            left.remove(node)
            waiting.discard(node)
        return found

    def forward_note(self, node: Node) -> str:
        """Whether a value of the forward is saved, and whether it is shown to the caller."""
        plan, notes = self.plan, []
        stores = plan.forward.stores.get(node, ())
        fields = [b.tensor for b in stores if b.tensor.startswith("state")]
        if plan.backward is not None and (
            node in plan.backward.saved
            or any(int(f.partition(":")[2]) in plan.history for f in fields)
        ):
            notes.append("saved")
        shows = {
            k
            for k, n in zip(plan.emit_is_state, plan.emitted, strict=True)
            if n is not plan.traced.output
        }
        if any(
            b.tensor.startswith("emit") or int(b.tensor.rpartition(":")[2]) in shows
            for b in stores
            if b.tensor.startswith(("emit", "state"))
        ):
            notes.append("shown")
        return ", ".join(notes)

    def backward_note(self, node: Node) -> str:
        """Whether a value of the forward is computed again, or one of the backward is kept."""
        backward = self.plan.backward
        program = None if backward is None else backward.program
        stores = program.stores.get(node, ()) if program is not None else ()
        if node in self.forward_values:
            return "again"
        return "kept" if any(b.time == "rows" for b in stores) else ""

    @functools.cached_property
    def forward_values(self) -> set[Node]:
        """The values of the forward."""
        return set(ancestors(self.plan.loop.results))


def nodes_of(stage: list[Group]) -> list[Node]:
    """What a stage computes: its products, then what is elementwise."""
    products = [n for group in stage for product in group.products for n in product]
    return products + [n for group in stage for n in group.body]


def users_of(program: Program) -> dict[Node, set[Node]]:
    """Which nodes read each value of a program."""
    users: dict[Node, set[Node]] = {}
    for stage in program.stages:
        for node in nodes_of(stage):
            for a in node.operands:
                users.setdefault(a, set()).add(node)
    return users


def single_products(nodes: list[Node]) -> set[Node]:
    """Products without neighbours that one value of the stage reads: part of its equation."""
    alike: dict[Any, int] = {}
    users: dict[Node, int] = {}
    for node in dict.fromkeys(nodes):
        if is_product(node):
            alike[sides(node)] = alike.get(sides(node), 0) + 1
        for a in set(node.operands):
            users[a] = users.get(a, 0) + 1
    return {n for n in nodes if is_product(n) and alike[sides(n)] == 1 and users.get(n, 0) == 1}
