"""The sections of a page for what is computed before and after the loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import fx

from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.traced import (
    BEFORE,
    CONSTANTS,
    ONCE,
    SEQUENCE,
    STATE,
    line_of,
    name_of,
)
from unroll.engine.explain.equations import text_of
from unroll.engine.explain.layout import Line, PlanSection
from unroll.engine.explain.names import Names, all_columns
from unroll.engine.explain.terms import LOOKS, Terms

SHORT = {ONCE: "w", SEQUENCE: "s", BEFORE: "x"}  # names of what is hoisted, with a number


class AroundWriter:
    """Writes the equations around the loop."""

    def __init__(self, plan: Plan, names: Names, terms: Terms) -> None:
        self.plan, self.names, self.terms = plan, names, terms

    def hoisted(self) -> list[PlanSection]:
        """What is computed once a call, once for each sequence, and before the loop."""
        plan = self.plan
        after = list(self.after_values())
        borders = [*plan.loop.matrices, *plan.loop.vectors, *plan.loop.sequences, *plan.loop.rows]
        borders += [a for n in after for a in n.all_input_nodes if plan.levels[a] < STATE]
        titles = {
            ONCE: "once per call, from the parameters alone",
            SEQUENCE: "once per sequence",
            BEFORE: "before the loop, for all steps together",
        }
        if plan.levels[plan.traced.output] < STATE:
            borders.append(plan.traced.output)
        wanted = {n for n in self.operations(borders) if plan.levels[n] < STATE}
        return [
            PlanSection(title, self.eager([n for n in wanted if plan.levels[n] == level], level))
            for level, title in titles.items()
        ]

    def operations(self, targets: Iterable[fx.Node]) -> list[fx.Node]:
        """The targets' operations and all that those read."""
        seen: set[fx.Node] = set()
        stack = list(targets)
        while stack:
            node = stack.pop()
            if node not in seen and node is not self.plan.traced.size:
                seen.add(node)
                stack += node.all_input_nodes
        return [n for n in self.plan.traced.graph.nodes if n in seen and n.op == "call_function"]

    def after_values(self) -> Iterator[fx.Node]:
        """What is computed of the emitted values after the loop."""
        plan, seen = self.plan, set(self.plan.emitted)
        stack = [plan.traced.output]
        while stack:
            node = stack.pop()
            if node not in seen and plan.levels[node] == STATE and node.op == "call_function":
                seen.add(node)
                stack += node.all_input_nodes
                yield node

    def eager(self, nodes: Iterable[fx.Node], level: int) -> list[Line]:
        """The lines of values outside of the loop: those read elsewhere or twice have a name."""
        inside, output = set(nodes), self.plan.traced.output
        found = []
        for node in self.plan.traced.graph.nodes:
            if node not in inside or name_of(node) in (*LOOKS, *CONSTANTS):
                continue
            users = list(self.users(node))
            if len(users) == 1 and users[0] in inside and node is not output:
                continue  # written where it is read
            term = self.terms.traced_term(node, top=True)
            wanted = self.names.users.get(node, "")
            letter = "" if wanted else SHORT.get(level, "y")
            name = "output" if node is output else self.names.fresh(wanted, letter)
            target = self.names.given[node] = all_columns(name, node)
            self.names.lines[name] = line_of(node)
            rows = "N" if level in (BEFORE, STATE) else "B"
            found.append(Line(target, term, line=line_of(node), shape=shape_text(node, rows)))
        return found

    def users(self, node: fx.Node) -> Iterator[fx.Node]:
        """Those that read a value, through mere views of it."""
        for user in node.users:
            if name_of(user) in LOOKS and user.op == "call_function":
                yield from self.users(user)
            else:
                yield user

    def after(self) -> list[PlanSection]:
        """What is computed of the emitted values, for all steps together."""
        values = list(self.after_values())
        output = self.plan.traced.output
        for node, pieces in zip(self.plan.emitted, self.plan.loop.emits, strict=True):
            self.names.given[node] = self.terms.beside([self.terms.term(a) for a in pieces])
        lines = self.eager(values, STATE)
        if output in self.names.given and not any(l.target.name == "output" for l in lines):
            term = self.names.given[output]
            if text_of(term) != "output":
                shape = ", ".join(map(str, ["N", *output.meta["val"].shape[1:]]))
                lines.append(Line(all_columns("output", output), term, shape=f"[{shape}]"))
        return [PlanSection("after the loop, for all steps together", lines)]


def shape_text(node: fx.Node, rows: str) -> str:
    """The shape of a traced value, with a letter for its rows where it has some."""
    shape = list(node.meta["val"].shape)
    return f"[{', '.join(map(str, [rows, *shape[1:]] if node.meta.get('batched') else shape))}]"
