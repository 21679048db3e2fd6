"""The values of a plan as terms of equations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import fx

from unroll.engine.compiler.nodes import Block, InputSource, Node
from unroll.engine.compiler.plan import Plan
from unroll.engine.compiler.traced import CONSTANTS, TRANSPOSES, axis_slice, name_of
from unroll.engine.explain.equations import (
    NamedColumns,
    Term,
    Weight,
    in_columns,
    product,
    side_by_side,
    text_of,
)
from unroll.engine.explain.names import Names

VIEWS = (
    "view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "view_copy", "alias",
    "clone", "detach", "lift_fresh_copy",
)  # fmt: skip
LOOKS = (*VIEWS, *TRANSPOSES, "slice", "select", "getitem", "split_with_sizes", "split")


class Terms:
    """Writes values as terms, with the names that they have so far."""

    def __init__(self, plan: Plan, names: Names) -> None:
        self.plan, self.names = plan, names

    def traced_term(self, node: Any, top: bool = False) -> Any:
        """A value outside of the loop as a term."""
        if not isinstance(node, fx.Node):
            return node
        if node in self.names.given and not top:
            return self.names.given[node]
        name = name_of(node)
        args: Any = node.args
        if name in VIEWS:
            return self.traced_term(args[0])
        if name in TRANSPOSES:
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
        if isinstance(term, NamedColumns) and axis == node.meta["val"].dim() - 1:
            return replace(term, lo=term.lo + lo, hi=term.lo + lo + size)
        return Term("index", (term, f"[{', '.join([':'] * axis + [f'{lo}:{lo + size}'])}]"))

    def beside(self, terms: list[Any]) -> Any:
        """Terms side by side, as one where that is possible."""
        merged = side_by_side(terms)
        return merged[0] if len(merged) == 1 else Term("cat", merged)

    def term(self, node: Any, top: bool = False) -> Any:
        """A value of the loop as a term: its name, or what it is computed from."""
        if not isinstance(node, Node):
            return node
        if node in self.names.of_nodes and not top:
            return self.names.of_nodes[node]
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

    def source(self, source: InputSource, width: int) -> Any:
        """What an input of the loop reads, as a term."""
        plan, lo, hi = self.plan, source.lo, source.lo + width
        if source.kind == "d_state":
            return NamedColumns(
                f"d {self.new(source.index)}", lo, hi, plan.widths[f"state:{source.index}"]
            )
        if source.kind == "d_emit":
            return NamedColumns(
                self.emit_gradient(source.index), lo, hi, plan.widths[f"emit:{source.index}"]
            )
        values = {
            "state": plan.traced.states,
            "rows": plan.loop.rows,
            "sequence": plan.loop.sequences,
            "vector": plan.loop.vectors,
        }
        term = self.traced_term(values[source.kind][source.index])
        if isinstance(term, NamedColumns):
            return replace(term, lo=term.lo + lo, hi=term.lo + hi)
        full = width == plan.widths[f"{source.kind}:{source.index}"]
        return term if full else Term("index", (term, f"[{lo}:{hi}]"))

    def new(self, k: int) -> str:
        """The name of a field of the new state."""
        return f"{self.plan.traced.fields[k]}'"

    def emit_gradient(self, k: int) -> str:
        """The name of the gradient of an emitted value."""
        if self.plan.emitted[k] is self.plan.traced.output:
            return "d output"
        return "d shown" if len(self.plan.emitted) == 1 else f"d shown{k + 1}"

    def weight(self, block: Block) -> Weight:
        """A block of a matrix as a term."""
        matrix = self.plan.loop.matrices[block.matrix]
        term = self.traced_term(matrix)
        shape = tuple(matrix.meta["val"].shape)
        return Weight(text_of(term), block.rows, block.columns, shape, not block.transposed)

    def base(self, node: fx.Node) -> Any:
        """What a view is a view of, as a term."""
        while name_of(node) in LOOKS and node not in self.names.given:
            node = node.args[0]  # type: ignore[assignment]
        return self.traced_term(node)
