"""The section of a page for the gradients that are computed after the loop."""

from __future__ import annotations

from dataclasses import replace

from unroll.engine.compiler.backward import Backward
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.program import Outer
from unroll.engine.explain.around import AroundWriter
from unroll.engine.explain.equations import NamedColumns, Term, text_of
from unroll.engine.explain.layout import Line, PlanSection, merged
from unroll.engine.explain.terms import Terms


class DeferredWriter:
    """Writes the equations of the deferred gradients."""

    def __init__(self, plan: Plan, terms: Terms, around: AroundWriter) -> None:
        self.plan, self.terms, self.around = plan, terms, around

    def deferred(self) -> list[PlanSection]:
        """The section, where there is a backward."""
        if self.plan.backward is None:
            return []
        sums = self.sources(self.plan.backward)
        sums.sort(key=lambda line: (line.target.name, line.target.lo))
        lines = [*self.weights(self.plan.backward), *merged(sums), *self.hoisted_gradients()]
        return [PlanSection("deferred gradients, one product or sum over all N rows each", lines)]

    def weights(self, backward: Backward) -> list[Line]:
        """The weight gradients; those of rows that follow each other are one equation."""
        found: list[Line] = []
        rest = list(backward.outers)
        while rest:
            first, *rest = rest
            left, (lo, hi) = [self.terms.term(first.left)], first.block.rows
            while rest and follows(first, rest[0]) and rest[0].block.rows[0] == hi:
                left.append(self.terms.term(rest[0].left))
                hi = rest.pop(0).block.rows[1]
            columns = first.block.columns
            weight = replace(
                self.terms.weight(first.block), rows=(lo, hi), columns=columns, turned=False
            )
            turned = Term("turned", (self.terms.beside(left),))
            term = Term("matmul", (turned, self.terms.term(first.right)))
            target = NamedColumns(f"d {text_of(weight)}", 0, 1, 1)
            shape = f"[{hi - lo}, {columns[1] - columns[0]}]"
            found.append(Line(target, term, shape=shape, sign="+="))
        return found

    def sources(self, backward: Backward) -> list[Line]:
        """The gradients of what the loop reads, those that are computed after it."""
        found: list[Line] = []
        for source, node in backward.deferred.items():
            given = self.plan.loop.inputs[source]
            of = self.terms.source(source, given.width)
            if isinstance(of, NamedColumns):
                target = replace(of, name=f"d {of.name}")
            else:
                target = NamedColumns(f"d {text_of(of)}", 0, node.width, node.width)
            rows = "N" if given.rows else ""
            found.append(Line(target, self.terms.term(node), rows, sign="=" if rows else "+="))
        return found

    def hoisted_gradients(self) -> list[Line]:
        """What of the inputs and parameters is left to the gradient of the equations before."""
        plan = self.plan
        loop = plan.loop
        read = (*loop.rows, *loop.sequences, *loop.vectors, *loop.matrices)
        first = [n for n in read if n.op == "call_function"]
        reached = {a for n in self.around.operations(first) for a in n.all_input_nodes}
        names = [
            f"d {name}"
            for name, n in (*plan.traced.parameters.items(), ("x", plan.traced.x))
            if n in reached and n.meta["val"].is_floating_point()
        ]
        if not names:
            return []
        tops = dict.fromkeys(text_of(self.terms.base(n)) for n in first)
        term = Term("", tuple(NamedColumns(f"d {top}", 0, 1, 1) for top in tops))
        return [Line(NamedColumns(", ".join(names), 0, 1, 1), term, shape="", sign="from")]


def follows(a: Outer, b: Outer) -> bool:
    """Whether two weight gradients are of the same columns of a matrix, with one right side."""
    return a.right is b.right and (a.block.matrix, a.block.columns) == (
        b.block.matrix, b.block.columns,
    )  # fmt: skip
