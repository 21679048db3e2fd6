"""A plan as a page that a person can read: the step's equations, each where and when it is done."""

from __future__ import annotations

import functools
import string
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from torch import fx

from unroll.counting import counted
from unroll.engine.compiler.nodes import Node, Source, ancestors
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.program import Outer, Program
from unroll.engine.compiler.traced import BEFORE, ONCE, SEQUENCE, STATE, axis_slice, name_of
from unroll.engine.explain.equations import (
    Piece,
    Term,
    Weight,
    in_columns,
    joined,
    product,
    side_by_side,
    text_of,
)
from unroll.engine.explain.layout import Layout, Line, Section, merged
from unroll.engine.explain.naming import Place, names_of, places

WIDTH = 100
VIEWS = (
    "view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "view_copy", "alias",
    "clone", "detach", "lift_fresh_copy",
)  # fmt: skip
LOOKS = (*VIEWS, "permute", "t", "transpose", "slice", "select", "getitem", "split_with_sizes",
         "split")  # fmt: skip
CONSTANTS = ("zeros", "zeros_like", "new_zeros", "ones", "ones_like", "full", "full_like",
             "new_full", "scalar_tensor")  # fmt: skip
SHORT = {ONCE: "w", SEQUENCE: "s", BEFORE: "x"}  # names of what is hoisted, with a number


def page(plan: Plan, width: int = WIDTH) -> str:
    """A plan in plain text: every value of the step and its gradient, with where it is computed.

    When to use it: to see what of a step is hoisted, what stays in the loop, what is saved and
    what is deferred; `unroll.explain(layer)` shows it.

    Beside each equation: its shape, what is kept of it, and the line of the user's step. B: one
    row for each sequence, N: one for each of all steps. h' is the new state, d h' its gradient as
    it comes from the step after, d h what goes to the step before.

    Example:
        >>> import torch, unroll
        >>> from unroll.engine.compiler.trace import trace
        >>> from unroll.engine.compiler.plan import plan
        >>> cell = unroll.LSTMCell(3, 4)
        >>> x, state = torch.zeros(1, 1, 3), cell.initial_state(1)
        >>> made = plan(trace(cell, dict(cell.named_parameters()), x, state))
        >>> print(page(made).splitlines()[0])
        LSTMCell: 1 stage forward, 2 backward; saves 6 numbers a step and unit (24 for 4 units)
    """
    sections = sections_of(plan)
    lines = summary(plan, width)
    layout = Layout([line for section in sections for line in section.lines], width)
    for section in sections:
        if section.lines:
            lines += ["", section.title, *layout.rows(section.lines)]
    return "\n".join(lines)


def sections_of(plan: Plan) -> list[Section]:
    """The equations of a plan in the order of time."""
    writer = Writer(plan)
    sections = [*writer.hoisted(), *writer.forward(), *writer.after()]
    if plan.backward is not None:
        sections += [*writer.backward(), *writer.deferred()]
    return sections


def figures(plan: Plan) -> dict[str, int]:
    """Stages, numbers saved for each step of each sequence, and numbers of parameters multiplied."""
    saved = sum(w for name, w in plan.widths.items() if name.partition(":")[0] == "saved")
    states = sum(plan.widths[f"state:{k}"] for k in plan.history)
    parts = {
        block
        for stage in plan.forward.stages
        for group in stage
        for segment in group.products
        for node in segment
        for block in node.blocks
        if block.matrix >= 0
    }
    outside = {BEFORE: 0, STATE: 0}
    loop = set(loop_values(plan))
    for node in plan.traced.graph.nodes:
        if name_of(node) not in ("mm", "addmm") or node in loop:
            continue
        level = plan.levels[node]
        if level in outside:
            outside[level] += node.args[-1].meta["val"].numel()
    return {
        "stages_forward": len(plan.forward.stages),
        "stages_backward": len(plan.backward.program.stages) if plan.backward is not None else 0,
        "saved": saved + states,
        "units": max(
            (plan.widths[f"state:{k}"] for k in range(len(plan.loop.new_states))), default=1
        ),
        "multiplied_in_loop": sum(b.shape[0] * b.shape[1] for b in parts),
        "multiplied_before": outside[BEFORE],
        "multiplied_after": outside[STATE],
    }


def loop_values(plan: Plan) -> Iterator[fx.Node]:
    """The traced operations on the state that the loop computes."""
    seen: set[fx.Node] = set()
    stack = [*plan.traced.new_states, *plan.emitted]
    while stack:
        node = stack.pop()
        if node not in seen and plan.levels[node] == STATE and node.op == "call_function":
            seen.add(node)
            stack += node.all_input_nodes
            yield node


def summary(plan: Plan, width: int) -> list[str]:
    found = figures(plan)
    ahead, back = found["stages_forward"], found["stages_backward"]
    text = f"{plan.traced.cell}: {counted(ahead, 'stage')} forward"
    if plan.backward is not None:
        units, saved = found["units"], found["saved"]
        text += (
            f", {back} backward; saves {saved / units:.3g} number{'s' * (saved != units)} a step and "
            f"unit ({saved:,} for {counted(units, 'unit')})"
        )
    multiplied = (
        f"Parameters multiplied: {found['multiplied_in_loop']:,} numbers in the loop, "
        f"{found['multiplied_before']:,} before it, {found['multiplied_after']:,} after it."
    )
    legend = "[B, w]: rows of one step; [N, w]: of all steps."
    if plan.backward is not None:
        legend += " saved: for the backward; kept: for what is deferred; again: computed again."
    return [line for part in (text, multiplied, legend) for line in textwrap.wrap(part, width)]


class Writer:
    """Writes a plan's sections in the order of time; names are given as they are first needed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.places: dict[Node, Place] = places(plan)
        self.user_names = names_of(plan.traced.graph)
        self.given: dict[fx.Node, Any] = {}  # names of traced values
        self.names: dict[Node, Any] = {}  # and of the loop's
        self.bases: dict[tuple[int, int], str] = {}  # of values that are named by their columns
        self.cut: set[tuple[int, int, int]] = set()
        self.lines: dict[str, str] = {}  # of what has a name
        self.taken = {"x", "d", "output", *plan.traced.fields, *plan.traced.noises}
        self.taken |= {name.partition(".")[0] for name in plan.traced.parameters}
        # a letter that means something else to the reader would mislead
        self.reserved = {*self.user_names.values(), *"dloswx"}
        self.letters: set[str] = set()
        traced = plan.traced
        for name, node in (
            *traced.parameters.items(),
            ("x", traced.x),
            *((name, node) for name, (_, node) in traced.noises.items()),
            *zip(traced.fields, traced.states, strict=True),
        ):
            self.given[node] = whole(name, node)

    def fresh(self, wanted: str = "", letter: str = "") -> str:
        """A name that nothing has yet: the one wanted, else a letter, with a number if need be."""
        if letter:
            names: Iterator[str] = (f"{letter}{k}" for k in count(1))
        elif wanted:
            names = (wanted if k == 1 else f"{wanted}{k}" for k in count(1))
        else:
            free = [l for l in string.ascii_lowercase if l not in self.reserved] or ["v"]
            names = (l if k == 1 else f"{l}{k}" for k in count(1) for l in free)
        name = next(n for n in names if n not in self.taken)
        self.taken.add(name)
        if not wanted and not letter:
            self.letters.add(name)
        return name

    # -- around the loop

    def hoisted(self) -> list[Section]:
        plan = self.plan
        after = list(self.after_values())
        borders = [*plan.loop.matrices, *plan.loop.vectors, *plan.loop.sequences, *plan.loop.rows]
        borders += [a for n in after for a in n.all_input_nodes if plan.levels[a] < STATE]
        titles = {
            ONCE: "once a call, of the parameters alone",
            SEQUENCE: "once for each sequence",
            BEFORE: "before the loop, for all steps together",
        }
        if plan.levels[plan.traced.output] < STATE:
            borders.append(plan.traced.output)
        wanted = {n for n in self.operations(borders) if plan.levels[n] < STATE}
        return [
            Section(title, self.eager([n for n in wanted if plan.levels[n] == level], level))
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
        inside = set(nodes)
        found = []
        for node in self.plan.traced.graph.nodes:
            if node not in inside or name_of(node) in (*LOOKS, *CONSTANTS):
                continue
            users = list(self.users(node))
            inlined = len(users) == 1 and users[0] in inside and node is not self.plan.traced.output
            if inlined:
                continue
            term = self.traced_term(node, top=True)
            if node is self.plan.traced.output:
                name = "output"
            else:
                wanted = self.user_names.get(node, "")
                name = self.fresh(wanted, "" if wanted else SHORT.get(level, "y"))
            target = self.given[node] = whole(name, node)
            shape = list(node.meta["val"].shape)
            rows = "N" if level in (BEFORE, STATE) else "B"
            batched = bool(node.meta.get("batched"))
            text = ", ".join(map(str, [rows, *shape[1:]] if batched else shape))
            self.lines[name] = node.meta.get("line", "")
            found.append(Line(target, term, line=self.lines[name], shape=f"[{text}]"))
        return found

    def users(self, node: fx.Node) -> Iterator[fx.Node]:
        """Those that read a value, through mere views of it."""
        for user in node.users:
            if name_of(user) in LOOKS and user.op == "call_function":
                yield from self.users(user)
            else:
                yield user

    def traced_term(self, node: Any, top: bool = False) -> Any:
        """A value outside of the loop as a term."""
        if not isinstance(node, fx.Node):
            return node
        if node in self.given and not top:
            return self.given[node]
        name = name_of(node)
        args: Any = node.args
        if name in VIEWS:
            return self.traced_term(args[0])
        if name in ("permute", "t", "transpose"):
            return Term("turned", (self.traced_term(args[0]),))
        if name in ("slice", "select", "getitem"):
            return self.part(node)
        if name == "cat":
            return Term("cat", side_by_side([self.traced_term(a) for a in args[0]]))
        if name in ("mm", "bmm"):
            return Term("matmul", tuple(self.traced_term(a) for a in args))
        if name in CONSTANTS:
            value = {"z": 0.0, "o": 1.0}.get(name.removeprefix("new_")[0])
            return args[0 if name == "scalar_tensor" else -1] if value is None else value
        if name in ("sum", "amax", "amin", "any", "all"):
            return Term(name, (self.traced_term(args[0]),))
        if name == "masked_fill":
            args, name = (args[1], args[2], args[0]), "where"
        if name == "_to_copy":
            return Term("to", (self.traced_term(args[0]), node.meta["val"].dtype))
        parts = (
            Term("list", tuple(map(self.traced_term, a))) if isinstance(a, list | tuple) else a
            for a in args
        )
        return Term(name, tuple(self.traced_term(a) for a in parts))

    def part(self, node: fx.Node) -> Any:
        """A slice as columns of what it is cut from, where it is that."""
        if name_of(node) == "getitem" and name_of(node.args[0]) not in (  # type: ignore[arg-type]
            "split", "split_with_sizes",
        ):  # fmt: skip
            return Term("index", (self.traced_term(node.args[0]), f"[{node.args[1]}]"))
        if name_of(node) == "select":
            of = self.traced_term(node.args[0])
            dim, at = node.args[1:3]
            return Term("index", (of, f"[{', '.join([':'] * int(dim) + [str(at)])}]"))  # type: ignore[arg-type]
        axis, of, lo = axis_slice(node)
        if of is None:
            return Term("index", (self.traced_term(node.args[0]), "[::]"))
        term, size = self.traced_term(of), node.meta["val"].shape[axis]
        if isinstance(term, Piece) and axis == node.meta["val"].dim() - 1:
            return replace(term, lo=term.lo + lo, hi=term.lo + lo + size)
        return Term("index", (term, f"[{', '.join([':'] * axis + [f'{lo}:{lo + size}'])}]"))

    def after(self) -> list[Section]:
        values = list(self.after_values())
        output = self.plan.traced.output
        for node, atoms in zip(self.plan.emitted, self.plan.loop.emits, strict=True):
            self.given[node] = self.beside([self.term(a) for a in atoms])
        lines = self.eager(values, STATE)
        if output in self.given and not any(l.target.name == "output" for l in lines):
            term = self.given[output]
            if text_of(term) != "output":
                shape = ", ".join(map(str, ["N", *output.meta["val"].shape[1:]]))
                lines.append(Line(whole("output", output), term, shape=f"[{shape}]"))
        return [Section("after the loop, for all steps together", lines)]

    def beside(self, terms: list[Any]) -> Any:
        merged = side_by_side(terms)
        return merged[0] if len(merged) == 1 else Term("cat", merged)

    # -- in the loop

    def term(self, node: Any, top: bool = False) -> Any:
        """A value of the loop as a term: its name, or what it is computed from."""
        if not isinstance(node, Node):
            return node
        if node in self.names and not top:
            return self.names[node]
        if node.source is not None:
            return self.source(node.source, node.width)
        args = tuple(self.term(a) for a in node.args)
        if node.op == "product":
            if node.blocks[0].matrix < 0:
                return Term("sum", in_columns(args))
            return product(args, [self.weight(b) for b in node.blocks])
        if node.op == "clone":  # a column, widened
            return args[0]
        if node.op == "constant":
            return args[0]
        if node.op == "to":
            return Term("to", (args[0], node.dtype))
        if node.op == "sum_rows":
            return Term("total", args)
        return Term(node.op, args)

    def source(self, source: Source, width: int) -> Any:
        plan, lo, hi = self.plan, source.lo, source.lo + width
        if source.kind == "d_state":
            return Piece(
                f"d {self.new(source.index)}", lo, hi, plan.widths[f"state:{source.index}"]
            )
        if source.kind == "d_emit":
            return Piece(
                self.emit_gradient(source.index), lo, hi, plan.widths[f"emit:{source.index}"]
            )
        values = {
            "state": plan.traced.states,
            "rows": plan.loop.rows,
            "sequence": plan.loop.sequences,
            "vector": plan.loop.vectors,
        }
        term = self.traced_term(values[source.kind][source.index])
        if isinstance(term, Piece):
            return replace(term, lo=term.lo + lo, hi=term.lo + hi)
        full = width == plan.widths[f"{source.kind}:{source.index}"]
        return term if full else Term("index", (term, f"[{lo}:{hi}]"))

    def new(self, k: int) -> str:
        return f"{self.plan.traced.fields[k]}'"

    def emit_gradient(self, k: int) -> str:
        if self.plan.emitted[k] is self.plan.traced.output:
            return "d output"
        return "d shown" if len(self.plan.emitted) == 1 else f"d shown{k + 1}"

    def weight(self, block: Any) -> Weight:
        matrix = self.plan.loop.matrices[block.matrix]
        term = self.traced_term(matrix)
        shape = tuple(matrix.meta["val"].shape)
        return Weight(text_of(term), block.rows, block.columns, shape, not block.transposed)

    def forward(self) -> list[Section]:
        plan = self.plan
        for k, atoms in enumerate(plan.loop.new_states):
            self.name_row(atoms, self.new(k), plan.widths[f"state:{k}"])
        for k, atoms in enumerate(plan.loop.emits):
            if plan.emit_is_state[k] is None and plan.emitted[k] is plan.traced.output:
                self.name_row(atoms, "output", plan.widths[f"emit:{k}"])
        return self.stages("forward", plan.forward, self.forward_note)

    def name_row(self, atoms: list[Node], name: str, width: int) -> None:
        lo = 0
        for atom in atoms:
            if atom.op != "input" and atom not in self.names:
                self.names[atom] = Piece(name, lo, lo + atom.width, width)
            lo += atom.width

    def backward(self) -> list[Section]:
        plan = self.plan
        if plan.backward is None:
            return []
        program = plan.backward.program
        incoming = {*map(self.new, range(len(plan.loop.new_states))), "output"}
        for outer in plan.backward.outers:  # the gradient of a product with that block
            if outer.left in self.names or outer.left.op == "input":
                continue
            fused = self.gradient_name(outer.left)
            twin = next(
                (n for n in self.places_of_products() if outer.block in n.blocks
                 and n.args[n.blocks.index(outer.block)] is outer.right), None
            )  # fmt: skip
            known = self.names.get(twin) if twin is not None else None
            if fused is not None:
                self.names[outer.left] = fused
            elif isinstance(known, Piece) and known.name not in incoming:
                piece = replace(known, name=f"d {known.name}")
                if piece in self.names.values():  # a product that is there twice
                    continue
                self.lines.setdefault(piece.name, self.lines.get(known.name, ""))
                self.names[outer.left] = piece
        for node in program.stores:
            fused = self.gradient_name(node)
            if fused is not None and node not in self.names:
                self.names[node] = fused
        return self.stages("backward", program, self.backward_note)

    def places_of_products(self) -> Iterator[Node]:
        for stage in self.plan.forward.stages:
            for group in stage:
                for segment in group.products:
                    yield from segment

    def gradient_name(self, node: Node) -> Piece | None:
        """Where the backward writes a value to, as what it is the gradient of."""
        backward = self.plan.backward
        program = None if backward is None else backward.program
        for buffer in program.stores.get(node, ()) if program is not None else ():
            kind, _, index = buffer.tensor.partition(":")
            if kind in ("d_rows", "d_sequence"):
                of = self.source(Source(kind[2:], int(index), buffer.lo), buffer.width)
            elif kind == "d_state":
                width = self.plan.widths[f"state:{index}"]
                name = self.plan.traced.fields[int(index)]
                of = Piece(name, buffer.lo, buffer.lo + buffer.width, width)
            else:
                continue
            if isinstance(of, Piece):
                self.lines.setdefault(f"d {of.name}", self.lines.get(of.name, ""))
                return replace(of, name=f"d {of.name}")
        return None

    def stages(self, name: str, program: Program, note: Callable[[Node], str]) -> list[Section]:
        """A section for each stage: its products, then what is elementwise, in the user's order."""
        here: set[Node] = set()
        users: dict[Node, set[Node]] = {}
        for stage in program.stages:
            for group in stage:
                for node in (*(n for p in group.products for n in p), *group.body):
                    here.add(node)
                    for a in node.operands:
                        users.setdefault(a, set()).add(node)
        sections: list[Section] = []
        done: set[Node] = set()
        for number, stage in enumerate(program.stages, 1):
            nodes = [n for g in stage for p in g.products for n in p]
            nodes += [n for g in stage for n in g.body]
            alone = single_products(nodes)
            mine = [
                n
                for n in dict.fromkeys(nodes)
                if n not in done
                and (
                    n in program.stores
                    or (is_product(n) and n not in alone)
                    or (len(users.get(n, ())) > 1 and n.op not in ("constant", "clone"))
                )
            ]
            done |= set(mine)
            ordered = self.in_order(mine)
            self.name_products(ordered)
            for node in ordered:
                if node not in self.names:
                    self.names[node] = self.target(node)
            if name == "backward":  # the forward is shown as the user has cut it
                self.gather(ordered, note)
            sections.append(Section(f"{name}, stage {number}", merged(self.written(ordered, note))))
        return sections

    def written(self, nodes: list[Node], note: Callable[[Node], str]) -> list[Line]:
        return [
            Line(target, self.term(n, top=True), "B", note(n), self.line(n, target))
            for n in nodes
            for target in (self.names[n],)
        ]

    def gather(self, nodes: list[Node], note: Callable[[Node], str]) -> None:
        """Values that differ only in which columns they read become columns of one value."""
        changed = True
        while changed:
            changed = False
            lines = dict(zip(nodes, self.written(nodes, note), strict=True))
            free = [
                n
                for n in nodes
                if self.names[n].name in self.letters and self.names[n].width == n.width
            ]
            for first in free:
                row, term = [first], lines[first].term
                for node in free:
                    both = joined(term, lines[node].term)
                    if node in row or both is None or lines[node].note != lines[first].note:
                        continue
                    row, term = [*row, node], both
                if len(row) > 1:
                    name, lo, width = self.names[first].name, 0, sum(n.width for n in row)
                    for node in row:
                        self.names[node] = Piece(name, lo, lo + node.width, width)
                        lo += node.width
                    changed = True
                    break

    def in_order(self, nodes: list[Node]) -> list[Node]:
        """Operands first, products before the rest, else as in the user's step."""
        waiting, found, left = set(nodes), [], list(nodes)
        stop = lambda a: a in waiting or a in self.names  # noqa: E731
        behind = {n: {a for a in ancestors(n.operands, stop) if a in waiting} for n in nodes}
        place = {n: k for k, n in enumerate(nodes)}

        def key(node: Node) -> tuple[int, ...]:
            if is_product(node):
                block = node.blocks[0]
                return 0, block.matrix, block.columns[0], block.rows[0]
            at = self.places.get(node)
            return (1, at.order, at.lo) if at is not None else (1, place[node], 0)

        while left:
            ready = [n for n in left if not behind[n] & waiting]
            node = min(ready, key=key)
            found.append(node)
            left.remove(node)
            waiting.discard(node)
        return found

    def name_products(self, nodes: list[Node]) -> None:
        """Products of the same rows with neighbouring parts of a matrix share a name."""
        groups: dict[Any, list[Node]] = {}
        for node in nodes:
            if is_product(node) and node not in self.names:
                groups.setdefault(sides(node), []).append(node)
        for group in groups.values():
            spans = [
                n.blocks[0].columns if n.blocks[0].transposed else n.blocks[0].rows for n in group
            ]
            lo, hi = min(s[0] for s in spans), max(s[1] for s in spans)
            if sum(s[1] - s[0] for s in spans) != hi - lo or any(len(n.blocks) > 1 for n in group):
                for node in group:
                    self.names[node] = Piece(self.fresh("", "p"), 0, node.width, node.width)
                continue
            name = self.fresh("", "p")
            for node, span in zip(group, spans, strict=True):
                self.names[node] = Piece(name, span[0] - lo, span[1] - lo, hi - lo)
                self.lines[name] = self.lines.get(name) or self.line(node, self.names[node])

    def target(self, node: Node) -> Piece:
        at = self.places.get(node)
        if at is None:
            return Piece(self.fresh(), 0, node.width, node.width)
        if at.name or at.width == node.width:
            return Piece(self.fresh(at.name), 0, node.width, node.width)
        twins = 0  # the same numbers computed another time
        while (at.order, twins, at.lo) in self.cut:
            twins += 1
        self.cut.add((at.order, twins, at.lo))
        if (at.order, twins) not in self.bases:
            self.bases[at.order, twins] = self.fresh()
        return Piece(self.bases[at.order, twins], at.lo, at.lo + node.width, at.width)

    def line(self, node: Node, target: Piece) -> str:
        at = self.places.get(node)
        return at.line if at is not None else node.line or self.lines.get(target.name, "")

    def forward_note(self, node: Node) -> str:
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
        backward = self.plan.backward
        program = None if backward is None else backward.program
        stores = program.stores.get(node, ()) if program is not None else ()
        if node in self.forward_values:
            return "again"
        return "kept" if any(b.time == "rows" for b in stores) else ""

    @functools.cached_property
    def forward_values(self) -> set[Node]:
        rows = (*self.plan.loop.new_states, *self.plan.loop.emits)
        return set(ancestors(a for row in rows for a in row))

    # -- after the backward loop

    def deferred(self) -> list[Section]:
        plan = self.plan
        if plan.backward is None:
            return []
        found: list[Line] = []
        rest = list(plan.backward.outers)
        while rest:  # those with a common right side, of rows that follow each other, are one
            first, *rest = rest
            left, (lo, hi) = [self.term(first.left)], first.block.rows
            while rest and follows(first, rest[0]) and rest[0].block.rows[0] == hi:
                left.append(self.term(rest[0].left))
                hi = rest.pop(0).block.rows[1]
            weight = replace(
                self.weight(first.block), rows=(lo, hi), columns=first.block.columns, turned=False
            )
            term = Term("matmul", (Term("turned", (self.beside(left),)), self.term(first.right)))
            shape = f"[{hi - lo}, {weight.columns[1] - weight.columns[0]}]"
            target = Piece(f"d {text_of(weight)}", 0, 1, 1)
            found.append(Line(target, term, shape=shape, sign="+="))
        for source, node in plan.backward.deferred.items():
            of = self.source(source, plan.loop.inputs[source].width)
            target = (
                replace(of, name=f"d {of.name}")
                if isinstance(of, Piece)
                else Piece(f"d {text_of(of)}", 0, node.width, node.width)
            )
            rows = "N" if plan.loop.inputs[source].rows else ""
            found.append(Line(target, self.term(node), rows, sign="=" if rows else "+="))
        head = [line for line in found if line.shape is not None]
        sums = [line for line in found if line.shape is None]
        sums.sort(key=lambda line: (line.target.name, line.target.lo))
        found = head + merged(sums) + self.hoisted_gradients()
        return [Section("deferred, over all N rows in one product or sum each", found)]

    def hoisted_gradients(self) -> list[Line]:
        """What of the inputs and parameters is left to the gradient of the equations before."""
        plan = self.plan
        first = [
            n
            for n in (
                *plan.loop.rows,
                *plan.loop.sequences,
                *plan.loop.vectors,
                *plan.loop.matrices,
            )
            if n.op == "call_function"
        ]
        reached = {a for n in self.operations(first) for a in n.all_input_nodes}
        names = [
            f"d {name}"
            for name, n in (*plan.traced.parameters.items(), ("x", plan.traced.x))
            if n in reached and n.meta["val"].is_floating_point()
        ]
        if not names:
            return []
        tops = dict.fromkeys(text_of(self.base(n)) for n in first)
        term = Term("", tuple(Piece(f"d {top}", 0, 1, 1) for top in tops))
        return [Line(Piece(", ".join(names), 0, 1, 1), term, shape="", sign="from")]

    def base(self, node: fx.Node) -> Any:
        """What a view is a view of, as a term."""
        while name_of(node) in LOOKS and node not in self.given:
            node = node.args[0]  # type: ignore[assignment]
        return self.traced_term(node)


def follows(a: Outer, b: Outer) -> bool:
    return a.right is b.right and (a.block.matrix, a.block.columns) == (
        b.block.matrix, b.block.columns,
    )  # fmt: skip


def is_product(node: Node) -> bool:
    """Whether it multiplies by parameters; a sum over columns does not."""
    return node.op == "product" and node.blocks[0].matrix >= 0


def sides(node: Node) -> tuple[Any, ...]:
    """What products have in common that are neighbouring columns of one."""
    return node.args, tuple(
        (b.matrix, b.transposed, b.rows if b.transposed else b.columns) for b in node.blocks
    )


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


def whole(name: str, node: fx.Node) -> Piece:
    """All columns of a traced value."""
    shape = node.meta["val"].shape
    width = 1 if not shape or (len(shape) == 1 and node.meta.get("batched")) else int(shape[-1])
    return Piece(name, 0, width, width)
