"""The names of the loop's values on a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from unroll.engine.compiler.nodes import InputSource, Node
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.program import Outer
from unroll.engine.explain.equations import NamedColumns
from unroll.engine.explain.names import Names
from unroll.engine.explain.naming import Place, places
from unroll.engine.explain.terms import Terms


class LoopNames:
    """Names the values of the loop: as the user's step does, else by a letter.

    Attributes:
        places: the positions of values of the forward in the user's step, where they are known.
    """

    def __init__(self, plan: Plan, names: Names, terms: Terms) -> None:
        self.plan, self.names, self.terms = plan, names, terms
        self.places: dict[Node, Place] = places(plan)
        self.bases: dict[tuple[int, int], str] = {}  # of values that are named by their columns
        self.numbered: set[tuple[int, int, int]] = set()

    def name_results(self) -> None:
        """Name the new states, and the output where it is an emitted value."""
        plan = self.plan
        for k, pieces in enumerate(plan.loop.new_states):
            self.name_columns(pieces, self.terms.new(k), plan.widths[f"state:{k}"])
        for k, pieces in enumerate(plan.loop.emits):
            if plan.emit_is_state[k] is None and plan.emitted[k] is plan.traced.output:
                self.name_columns(pieces, "output", plan.widths[f"emit:{k}"])

    def name_columns(self, pieces: list[Node], name: str, width: int) -> None:
        """Name the pieces of one value by their columns."""
        lo = 0
        for piece in pieces:
            if piece.op != "input" and piece not in self.names.of_nodes:
                self.names.of_nodes[piece] = NamedColumns(name, lo, lo + piece.width, width)
            lo += piece.width

    def name_gradients(self) -> None:
        """Name the gradients of products, and what the backward writes, by what they belong to."""
        backward = self.plan.backward
        if backward is None:
            return
        incoming = {*map(self.terms.new, range(len(self.plan.loop.new_states))), "output"}
        for outer in backward.outers:  # the gradient of a product with that block
            if outer.left in self.names.of_nodes or outer.left.op == "input":
                continue
            written = self.gradient_name(outer.left)
            known = self.product_name(outer)
            if written is not None:
                self.names.of_nodes[outer.left] = written
            elif isinstance(known, NamedColumns) and known.name not in incoming:
                piece = replace(known, name=f"d {known.name}")
                if piece in self.names.of_nodes.values():  # a product that is there twice
                    continue
                self.names.lines.setdefault(piece.name, self.names.lines.get(known.name, ""))
                self.names.of_nodes[outer.left] = piece
        for node in backward.program.stores:
            written = self.gradient_name(node)
            if written is not None and node not in self.names.of_nodes:
                self.names.of_nodes[node] = written

    def product_name(self, outer: Outer) -> Any:
        """The name of the forward's product that a weight gradient belongs to."""
        for node in self.forward_products():
            if outer.block in node.blocks:
                if node.args[node.blocks.index(outer.block)] is outer.right:
                    return self.names.of_nodes.get(node)
        return None

    def forward_products(self) -> Iterator[Node]:
        """The products of the forward, in the order of the stages."""
        for stage in self.plan.forward.stages:
            for group in stage:
                for segment in group.products:
                    yield from segment

    def gradient_name(self, node: Node) -> NamedColumns | None:
        """Where the backward writes a value to, as what it is the gradient of."""
        backward = self.plan.backward
        for buffer in () if backward is None else backward.program.stores.get(node, ()):
            kind, _, index = buffer.tensor.partition(":")
            if kind in ("d_rows", "d_sequence"):
                of = self.terms.source(InputSource(kind[2:], int(index), buffer.lo), buffer.width)
            elif kind == "d_state":
                width = self.plan.widths[f"state:{index}"]
                name = self.plan.traced.fields[int(index)]
                of = NamedColumns(name, buffer.lo, buffer.lo + buffer.width, width)
            else:
                continue
            if isinstance(of, NamedColumns):
                self.names.lines.setdefault(f"d {of.name}", self.names.lines.get(of.name, ""))
                return replace(of, name=f"d {of.name}")
        return None

    def name_stage(self, nodes: list[Node]) -> None:
        """Name the values of a stage that have no name yet."""
        self.name_products(nodes)
        for node in nodes:
            if node not in self.names.of_nodes:
                self.names.of_nodes[node] = self.own_name(node)

    def name_products(self, nodes: list[Node]) -> None:
        """Products of the same rows with neighbouring parts of a matrix share a name."""
        groups: dict[Any, list[Node]] = {}
        for node in nodes:
            if is_product(node) and node not in self.names.of_nodes:
                groups.setdefault(sides(node), []).append(node)
        for group in groups.values():
            spans = [
                n.blocks[0].columns if n.blocks[0].transposed else n.blocks[0].rows for n in group
            ]
            lo, hi = min(s[0] for s in spans), max(s[1] for s in spans)
            if sum(s[1] - s[0] for s in spans) != hi - lo or any(len(n.blocks) > 1 for n in group):
                for node in group:
                    self.names.of_nodes[node] = NamedColumns(
                        self.names.fresh("", "p"), 0, node.width, node.width
                    )
                continue
            name = self.names.fresh("", "p")
            for node, span in zip(group, spans, strict=True):
                self.names.of_nodes[node] = NamedColumns(name, span[0] - lo, span[1] - lo, hi - lo)
                self.names.lines[name] = self.names.lines.get(name) or self.line(
                    node, self.names.of_nodes[node]
                )

    def own_name(self, node: Node) -> NamedColumns:
        """A name for a value: the user's, else a letter, with columns where it is part of more."""
        at = self.places.get(node)
        if at is None:
            return NamedColumns(self.names.fresh(), 0, node.width, node.width)
        if at.name or at.width == node.width:
            return NamedColumns(self.names.fresh(at.name), 0, node.width, node.width)
        twins = 0  # the same numbers computed another time
        while (at.order, twins, at.lo) in self.numbered:
            twins += 1
        self.numbered.add((at.order, twins, at.lo))
        if (at.order, twins) not in self.bases:
            self.bases[at.order, twins] = self.names.fresh()
        return NamedColumns(self.bases[at.order, twins], at.lo, at.lo + node.width, at.width)

    def line(self, node: Node, target: NamedColumns) -> str:
        """The line of the user's step that computes a value."""
        at = self.places.get(node)
        return at.line if at is not None else node.line or self.names.lines.get(target.name, "")


def is_product(node: Node) -> bool:
    """Whether it multiplies by parameters; a sum over columns does not."""
    return node.op == "product" and node.blocks[0].matrix >= 0


def sides(node: Node) -> tuple[Any, ...]:
    """What products have in common that are neighbouring columns of one."""
    return node.args, tuple(
        (b.matrix, b.transposed, b.rows if b.transposed else b.columns) for b in node.blocks
    )
