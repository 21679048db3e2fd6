"""Which gradients are computed in the backward loop, and which after it for all steps together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unroll.engine.compiler.convert import WeightGradient, as_wide, widened
from unroll.engine.compiler.gradient import StepGradient
from unroll.engine.compiler.nodes import ELEMENTWISE, InputSource, Node, ancestors
from unroll.engine.compiler.program import Buffer, Forms, Outer, Stores, store_beside
from unroll.engine.compiler.traced import unique


@dataclass(frozen=True)
class Deferral:
    """The gradients of a step, divided into those of the backward loop and those after it.

    Attributes:
        stores: what the backward loop writes, and where.
        outers: the weight gradients, those that can be merged beside each other.
        deferred: the gradients of sources that are computed after the loop.
        kept: the values of the backward loop of which every step is kept for what is deferred.
        forms: the tensors that the backward reads or writes, beside those of the forward.
        read: the values of the forward that the backward reads, in the loop or after it.
        after: what is computed after the loop, and what it reads.
    """

    stores: Stores
    outers: list[Outer]
    deferred: dict[InputSource, Node]
    kept: dict[Node, Buffer]
    forms: Forms
    read: list[Node]
    after: list[Node]


def defer(gradient: StepGradient, forms: Forms, differentiable: int, recorded: bool) -> Deferral:
    """Schedule each gradient inside or after the loop.

    Only what the previous step needs must be computed in the loop, and what is elementwise beyond
    it costs least there. Weight gradients become large products after the loop.

    Args:
        gradient: the step with its gradient.
        forms: the tensors of the forward.
        differentiable: how many of the emitted values a gradient may come back to.
        recorded: whether the gradient at every state is written too.
    """
    loop = _BackwardLoop(gradient, forms)
    loop.carry_states(recorded)
    for k in range(differentiable):
        loop.forms[f"d_emit:{k}"] = forms[f"emit:{k}"]
    loop.looped = loop.computed()
    deferred = loop.place_hoisted()
    loop.looped |= loop.computed()
    # a state's gradient is there in the loop alone, also where nothing in it reads these columns
    loop.looped |= {n for n in gradient.incoming if n.source and n.source.kind == "d_state"}
    terms = weight_gradients(gradient)
    outers = sorted(terms, key=lambda o: (o.block.matrix, first_alike(terms, o), o.block.rows))
    for outer in outers:
        loop.keep_sides(outer, f"kept:{outer.block.matrix}:{first_alike(terms, outer)}")
    vectors = {
        source: node
        for source, node in gradient.sources.items()
        if source.kind == "vector" and isinstance(node, Node)
    }
    for node in vectors.values():
        loop.keep_summed(node)
    deferred |= vectors
    results = [n for o in outers for n in (o.left, o.right)] + list(deferred.values())
    loop.keep_read(results)
    after = ancestors(results, lambda n: n in loop.forward or n in loop.kept)
    read = [n for n in after if n in loop.forward]
    read += [n for n in loop.reached(loop.stores) if n in loop.forward]
    return Deferral(loop.stores, outers, deferred, loop.kept, loop.forms, unique(read), after)


class _BackwardLoop:
    """What the backward loop computes and writes, while it is gathered.

    Attributes:
        forward: the values of the forward.
        looped: the values of the backward that the loop computes.
        again: values one operation away from what is kept, computed again after the loop.
        stores: what the loop writes, and where.
        forms: the tensors that it writes.
        kept: the values of which every step is kept.
    """

    def __init__(self, gradient: StepGradient, forms: Forms) -> None:
        self.gradient, self.given = gradient, forms
        self.forward = set(ancestors(gradient.loop.results))
        self.stores: Stores = {}
        self.forms: Forms = {}
        self.kept: dict[Node, Buffer] = {}
        self.looped: set[Node] = set()
        self.again: set[Node] = set()

    def reached(self, targets: Any) -> list[Node]:
        """The targets and what they are made of, up to values of the forward."""
        return ancestors(targets, self.forward.__contains__)

    def computed(self) -> set[Node]:
        """What the loop computes to write what it stores."""
        return {n for n in self.reached(self.stores) if n not in self.forward}

    def carry_states(self, recorded: bool) -> None:
        """Store the gradients that the previous step needs and, if recorded, those at states."""
        for k, pieces in enumerate(self.gradient.loop.new_states):
            form = self.given[f"state:{k}"]
            if not form[1].is_floating_point:
                continue
            lo, found = 0, []
            for piece in pieces:
                found.append(as_wide(self.gradient.sources.get(InputSource("state", k, lo)), piece))
                lo += piece.width
            store_beside(self.stores, found, f"d_state:{k}", "carry")
            self.forms[f"d_state:{k}"] = form
            if recorded:
                at = zip(self.gradient.states[k], pieces, strict=True)
                found = [as_wide(g, piece) for g, piece in at]
                store_beside(self.stores, found, f"d_step:{k}", "rows")
                self.forms[f"d_step:{k}"] = form

    def place_hoisted(self) -> dict[InputSource, Node]:
        """Store the gradients of hoisted values that are elementwise; return the other ones."""
        deferred: dict[InputSource, Node] = {}
        for source, node in self.gradient.sources.items():
            if source.kind not in ("rows", "sequence") or not isinstance(node, Node):
                continue
            node = widened(node, self.gradient.loop.inputs[source].width)
            if self.fuses(node):
                name = f"d_{source.kind}:{source.index}"
                buffer = Buffer(name, source.lo, node.width, "rows", node.dtype)
                width, _ = self.given[f"{source.kind}:{source.index}"]
                self.forms[name] = width, node.dtype
                self.stores.setdefault(node, []).append(buffer)
            else:
                deferred[source] = node
        return deferred

    def keep_sides(self, outer: Outer, name: str) -> None:
        """Keep both sides of a weight gradient over all steps, in this tensor."""
        for side in (outer.left, outer.right):
            if side in self.forward or not (side in self.looped or self.fuses(side)):
                continue
            if side not in self.stores and self.at_once(side):
                self.again.add(side)
            else:
                self.keep(side, name)

    def keep_summed(self, node: Node) -> None:
        """Keep what is summed over rows for the gradient of a vector.

        The loop computes it: after the loop, everything that it is made of would be computed again.
        """
        for total in self.reached([node]):
            each = total.operands[0] if total.op == "sum_rows" else None
            if each is None or each in self.forward or each in self.kept:
                continue
            if not (each in self.looped or self.fuses(each)):
                continue
            if each in self.stores or not self.at_once(each):
                self.keep(each, f"kept:{len(self.kept)}:sum")

    def keep_read(self, results: list[Node]) -> None:
        """Keep every step of what is computed in the loop and read after it."""

        def at_hand(n: Node) -> bool:
            return n in self.forward or n in self.kept or (n in self.looped and n not in self.again)

        for node in ancestors(results, at_hand):
            if node in self.looped and node not in self.kept and node not in self.again:
                self.keep(node, f"kept:{len(self.kept)}:later")

    def keep(self, node: Node, name: str) -> None:
        """Keep every step of a value: where it is written already, else in this tensor."""
        kept = next((b for b in self.stores.get(node, ()) if b.time == "rows"), None)
        if kept is None:
            lo = self.forms[name][0] if name in self.forms else 0
            kept = Buffer(name, lo, node.width, "rows", node.dtype)
            self.forms[name] = lo + node.width, node.dtype
            self.stores.setdefault(node, []).append(kept)
        self.kept[node] = kept

    def fuses(self, node: Node) -> bool:
        """Whether it is nothing but elementwise work beyond what the loop does anyway."""
        known = self.forward | self.looped
        beyond = [n for n in ancestors([node], known.__contains__) if n not in known]
        return all(n.op in ELEMENTWISE or n.op in ("input", "constant") for n in beyond)

    def at_once(self, node: Node) -> bool:
        """Whether it is one operation away from what is kept anyway."""
        return node.op in ("mul", "add", "sub", "neg") and all(
            a in self.forward or any(b.time == "rows" for b in self.stores.get(a, ()))
            for a in node.operands
        )


def weight_gradients(gradient: StepGradient) -> list[Outer]:
    """The terms of the weight gradients of all blocks."""
    return [
        Outer(left, right, block)
        for block, total in gradient.blocks.items()
        if isinstance(total, WeightGradient)
        for left, right in total.terms
    ]


def first_alike(outers: list[Outer], outer: Outer) -> int:
    """The number of the first weight gradient of this matrix with the same operand: they merge.

    Raises:
        ValueError: where there is none, so that `outer` is not among `outers`.
    """
    for number, other in enumerate(outers):
        a, b = other.block, outer.block
        if (a.matrix, a.transposed) == (b.matrix, b.transposed):
            same = other.left is outer.left if a.transposed else other.right is outer.right
            if same:
                return number
    raise ValueError("A weight gradient is one of those it is compared with.")
