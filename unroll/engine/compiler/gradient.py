"""The backward half of a plan: from the step's vector-Jacobian product to loop and deferred parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import networkx
import torch
from torch import Tensor, fx
from torch.func import vjp

from unroll.engine.compiler.cut import constant_of, elementwise, elementwise_args, merge_products
from unroll.engine.compiler.hoist import aslist, name_of, tidy
from unroll.engine.compiler.nodes import ELEMENTWISE, Block, Node, Source, ancestors, evaluate
from unroll.engine.compiler.program import Buffer, Merged, Outer, Sum
from unroll.engine.compiler.stage import load_of, place, schedule
from unroll.engine.compiler.trace import graph_of
from unroll.engine.refusal import Unplannable

if TYPE_CHECKING:
    from unroll.engine.compiler.plan import Plan


@dataclass(frozen=True)
class _Matrix:
    """A block of a matrix in the traced gradient, as it is or turned."""

    block: Block
    turned: bool


@dataclass(frozen=True)
class _Turned:
    """Rows, transposed: the left side of a weight gradient."""

    node: Node


@dataclass(frozen=True)
class _Sum:
    """A weight gradient: the sum of left.T @ right."""

    terms: tuple[tuple[Node, Node], ...]


def add_backward(made: Plan) -> None:
    """Fill in the backward program, what is saved for it, and what is deferred."""
    batch = made.traced.batch
    sources = list(made.inputs)
    noise = {made.traced.size, *(n for _, n in made.traced.noises.values())}
    for n in made.traced.graph.nodes:  # and all that is made of noise alone
        if n.op == "call_function" and n.all_input_nodes and noise.issuperset(n.all_input_nodes):
            noise.add(n)
    values = {"rows": made.rows, "sequence": made.sequences}

    def differentiable(source: Source) -> bool:
        node = made.inputs[source]
        is_noise = source.kind in values and values[source.kind][source.index] in noise
        return node.dtype.is_floating_point and not is_noise

    wanted = [s for s in sources if differentiable(s)]
    closed = [s for s in sources if not differentiable(s)]
    flat = [a for atoms in (*made.new_states, *made.emits) for a in atoms]
    blocks = list(dict.fromkeys(b for n in ancestors(flat) for b in n.blocks if b.matrix >= 0))
    first = sum(map(len, (*made.new_states, *made.emits[: made.differentiable])))
    smooth = [k for k, a in enumerate(flat[:first]) if a.dtype.is_floating_point]
    # the gradient at a state is that of a zero added to it, for all who read it
    states = [a for row in made.new_states for a in row]
    floats = [a for a in states if a.dtype.is_floating_point]
    shifted = list(dict.fromkeys(floats)) if made.recorded else []

    def examples(source: Source) -> Tensor:
        node = made.inputs[source]
        shape = (batch, node.width) if node.rows else (node.width,)
        # ones: a step may divide by a whole number
        return torch.ones(shape, dtype=node.dtype)

    def joint(*tensors: Tensor) -> list[Tensor]:
        rest = iter(tensors)
        fixed = {made.inputs[s]: next(rest) for s in closed}
        primals = [next(rest) for _ in (*wanted, *blocks, *shifted)]
        cotangents = tuple(rest)

        def step(*primal: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
            each = iter(primal)
            given = {made.inputs[s]: next(each) for s in wanted}
            parts = {b: next(each) for b in blocks}
            shifts = {a: next(each) for a in shifted}
            out = evaluate(flat, {**fixed, **given}, parts, shifts=shifts)
            for k, a in enumerate(flat[: len(states)]):
                if a in given and a in shifts:  # a field that stays as it is: nothing computed it
                    out[k] = out[k] + shifts[a]
            out = [o.expand(batch, a.width) for o, a in zip(out, flat, strict=True)]
            exact = tuple(o for k, o in enumerate(out) if k not in smooth)
            return tuple(out[k] for k in smooth), exact

        found, pull, exact = vjp(step, *primals, has_aux=True)  # type: ignore[misc]
        floats, others = iter(found), iter(exact)
        values = [next(floats) if k in smooth else next(others) for k in range(len(flat))]
        return [*values, *pull(cotangents)]

    like = next((flat[k].dtype for k in smooth), torch.float32)
    cot = [torch.zeros(batch, flat[k].width, dtype=flat[k].dtype) for k in smooth]
    graph = graph_of(
        joint,
        [
            *(examples(s) for s in (*closed, *wanted)),
            *(torch.zeros(b.shape, dtype=like) for b in blocks),
            *(torch.zeros(batch, a.width, dtype=a.dtype) for a in shifted),
            *cot,
        ],
    ).graph
    tidy(graph)

    # where each cotangent comes from: the carried gradient of a state, or that of an emit
    emitted = {len(made.new_states) + k for k in range(made.differentiable)}
    cot_inputs: list[Node] = []
    for which, atoms in enumerate((*made.new_states, *made.emits[: made.differentiable])):
        lo = 0
        for a in atoms:
            if a.dtype.is_floating_point:
                kind = "d_emit" if which in emitted else "d_state"
                index = which - len(made.new_states) if which in emitted else which
                source = Source(kind, index, lo)
                cot_inputs.append(Node("input", (), a.width, True, a.dtype, a.line, source=source))
            lo += a.width

    given: list[Any] = [made.inputs[s] for s in (*closed, *wanted)]
    given += [_Matrix(b, False) for b in blocks]
    given += [0.0 for _ in shifted]
    given += cot_inputs
    results = convert(graph, given, batch)
    atoms = [
        r if isinstance(r, Node) else Node("constant", (r,), a.width, True, a.dtype, a.line)
        for r, a in zip(results, flat, strict=False)
    ]
    atoms = [
        a if a.width == f.width and a.rows else Node("clone", (a,), f.width, True, f.dtype, f.line)
        for a, f in zip(atoms, flat, strict=True)
    ]
    found = results[len(flat) :]
    gradients: dict[Any, Any] = dict(zip((*wanted, *blocks, *shifted), found, strict=True))
    at_states = [[gradients.get(a) for a in row] for row in made.new_states]
    made.new_states, made.emits = regrouped(atoms, made.new_states, made.emits)
    roots = [*atoms, *(g for g in gradients.values() if isinstance(g, Node))]
    roots += [n for g in gradients.values() if isinstance(g, _Sum) for t in g.terms for n in t]
    merge_products(roots)
    divide(made, atoms, gradients, cot_inputs, at_states)


def regrouped(atoms: list[Node], *likes: list[list[Node]]) -> list[list[list[Node]]]:
    rest = iter(atoms)
    return [[[next(rest) for _ in row] for row in like] for like in likes]


def convert(graph: fx.Graph, given: Sequence[Any], batch: int) -> list[Any]:
    """The traced gradient as nodes; rows are told from parameters by the batch of the examples."""
    value: dict[Any, Any] = {}
    rest = iter(given)
    for node in graph.nodes:
        if node.op == "placeholder":
            value[node] = next(rest)
        elif node.op == "output":
            return [value[a] if isinstance(a, fx.Node) else a for a in node.args[0]]
        else:
            value[node] = converted(node, value, batch)
    raise AssertionError("a graph ends with its output")


def converted(node: fx.Node, value: dict[Any, Any], batch: int) -> Any:
    name, line = name_of(node), node.meta["line"]
    first: Any = value[node.args[0]] if node.args and isinstance(node.args[0], fx.Node) else None
    if name in ("permute", "t", "transpose"):
        if isinstance(first, _Matrix):
            return _Matrix(first.block, not first.turned)
        if isinstance(first, _Sum):
            return _Sum(tuple((b, a) for a, b in first.terms))
        return first.node if isinstance(first, _Turned) else _Turned(first)
    if name == "mm":
        second = value[node.args[1]]
        if isinstance(first, _Turned) and isinstance(second, Node):
            return _Sum(((first.node, second),))
        if isinstance(first, Node) and isinstance(second, _Matrix):
            b = second.block
            block = Block(b.matrix, b.rows, b.columns, transposed=not second.turned)
            dtype = node.meta["val"].dtype
            return Node("product", (first,), block.width, True, dtype, line, (block,))
    elif isinstance(first, _Sum):
        if name == "add":
            return _Sum(first.terms + value[node.args[1]].terms)
        if name in ("view", "reshape", "clone", "expand", "_unsafe_view"):
            return first
    elif name == "sum":
        return summed(node, first, batch, line)
    elif name in ("full", "zeros", "ones", "full_like", "zeros_like", "ones_like", "scalar_tensor",
                  "new_zeros", "new_full"):  # fmt: skip
        return constant_of(node)
    elif name in ("view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "view_copy",
                  "detach"):  # fmt: skip
        return first
    elif name in ELEMENTWISE or name in ("_to_copy", "masked_fill", "sgn"):
        args = [value[a] if isinstance(a, fx.Node) else a for a in elementwise_args(node)]
        if all(isinstance(a, Node) or not isinstance(a, _Sum | _Matrix | _Turned) for a in args):
            return elementwise(node, args, 0)
    raise Unplannable(f"its gradient needs {name}, which is not planned", line)


def summed(node: fx.Node, value: Any, batch: int, line: str) -> Any:
    val = node.args[0].meta["val"]  # type: ignore[union-attr]
    if not isinstance(value, Node):  # a number: a sum of equal numbers
        raise Unplannable("its gradient sums a constant", line)
    dims = aslist(node.args[1]) if len(node.args) > 1 else []
    axes = {d % val.dim() for d in dims} or set(range(val.dim()))
    if val.dim() == 2 and 1 in axes:
        if val.shape[1] > 1 or value.width > 1:
            wide = widened(value, val.shape[1])
            value = Node("product", (wide,), 1, value.rows, value.dtype, line,
                         (Block(-1, (0, 1), (0, wide.width)),))  # fmt: skip
        axes.discard(1)
    if 0 in axes:
        if val.dim() == 2:
            value = widened(value, val.shape[1] if len(dims) == 1 else value.width)
            if not value.rows:
                value = Node("clone", (value,), value.width, True, value.dtype, line)
        value = Node("sum_rows", (value,), value.width if val.dim() == 2 else 1, False,
                     value.dtype, line)  # fmt: skip
    return value


def as_wide(found: Any, like: Node) -> Node:
    """A gradient as a node of the width of what it is the gradient of; none is zero."""
    if not isinstance(found, Node):
        return Node("constant", (float(found or 0),), like.width, True, like.dtype)
    return widened(found, like.width)


def widened(node: Node, width: int) -> Node:
    if node.width == width and node.rows:
        return node
    return Node("clone", (node,), width, True, node.dtype, node.line)


# ---------------------------------------------------------------- loop or later


def divide(
    made: Plan,
    atoms: list[Node],
    gradients: dict[Any, Any],
    cotangents: list[Node],
    at_states: list[list[Any]],
) -> None:
    """Say of every gradient whether it is found in the loop or after it, and what is saved."""
    forward = set(ancestors(atoms))
    stores: dict[Node, list[Buffer]] = {}
    nodes = {s: g for s, g in gradients.items() if isinstance(s, Source)}

    # what the previous step needs
    for k, row in enumerate(made.new_states):
        if not made.dtypes[f"state:{k}"].is_floating_point:
            continue
        lo, pieces = 0, []
        for atom in row:
            pieces.append(as_wide(nodes.get(Source("state", k, lo)), atom))
            lo += atom.width
        place(stores, pieces, f"d_state:{k}", "carry")
        names = [f"d_state:{k}"]
        if made.recorded:
            pieces = [as_wide(g, atom) for g, atom in zip(at_states[k], row, strict=True)]
            place(stores, pieces, f"d_step:{k}", "rows")
            names.append(f"d_step:{k}")
        for name in names:
            made.widths[name] = made.widths[f"state:{k}"]
            made.dtypes[name] = made.dtypes[f"state:{k}"]
    for k in range(made.differentiable):
        made.widths[f"d_emit:{k}"] = made.widths[f"emit:{k}"]
        made.dtypes[f"d_emit:{k}"] = made.dtypes[f"emit:{k}"]
    looped = {n for n in ancestors(stores, forward.__contains__) if n not in forward}

    def fuses(node: Node) -> bool:
        """Nothing but elementwise work beyond what the loop does anyway."""
        beyond = [
            n
            for n in ancestors([node], lambda n: n in forward or n in looped)
            if n not in forward and n not in looped
        ]
        return all(n.op in ELEMENTWISE or n.op in ("input", "constant") for n in beyond)

    # gradients of what was hoisted over the inputs: in the loop where elementwise
    for source, node in nodes.items():
        if source.kind not in ("rows", "sequence") or not isinstance(node, Node):
            continue
        node = widened(node, made.inputs[source].width)
        if fuses(node):
            buffer = Buffer(f"d_{source.kind}:{source.index}", source.lo, node.width, "rows",
                            node.dtype)  # fmt: skip
            made.widths[buffer.tensor] = made.widths[f"{source.kind}:{source.index}"]
            made.dtypes[buffer.tensor] = node.dtype
            stores.setdefault(node, []).append(buffer)
        else:
            made.deferred[source] = node
    looped |= {n for n in ancestors(stores, forward.__contains__) if n not in forward}
    # a state's gradient is there in the loop alone, also where nothing in it reads these columns
    looped |= {n for n in cotangents if n.source is not None and n.source.kind == "d_state"}

    def at_once(node: Node) -> bool:
        """One operation away from what is kept anyway."""
        return node.op in ("mul", "add", "sub", "neg") and all(
            a in forward or any(b.time == "rows" for b in stores.get(a, ())) for a in node.operands
        )

    # weight gradients: both sides of each large product are kept over all steps
    terms = [
        Outer(left, right, block)
        for block, gradient in gradients.items()
        if isinstance(block, Block) and isinstance(gradient, _Sum)
        for left, right in gradient.terms
    ]
    made.outers = sorted(terms, key=lambda o: (o.block.matrix, first_of(terms, o), o.block.rows))
    again: set[Node] = set()  # one operation away from what is kept anyway: found after the loop
    for outer in made.outers:
        for side in (outer.left, outer.right):
            if side in forward or not (side in looped or fuses(side)):
                continue
            if side not in stores and at_once(side):
                again.add(side)
                continue
            kept = next((b for b in stores.get(side, ()) if b.time == "rows"), None)
            if kept is None:
                name = f"kept:{outer.block.matrix}:{first_of(terms, outer)}"
                lo = made.widths.get(name, 0)
                kept = Buffer(name, lo, side.width, "rows", side.dtype)
                made.widths[name], made.dtypes[name] = lo + side.width, side.dtype
                stores.setdefault(side, []).append(kept)
            made.kept[side] = kept
    for source, node in nodes.items():
        if source.kind != "vector" or not isinstance(node, Node):
            continue
        made.deferred[source] = node
        # what is summed is made in the loop: after it, all that it is made of would be made again
        for total in ancestors([node], forward.__contains__):
            each = total.operands[0] if total.op == "sum_rows" else None
            if each is None or each in forward or not (each in looped or fuses(each)):
                continue
            if each in made.kept or (each not in stores and at_once(each)):
                continue
            kept = next((b for b in stores.get(each, ()) if b.time == "rows"), None)
            if kept is None:
                name = f"kept:{len(made.kept)}:sum"
                made.widths[name], made.dtypes[name] = each.width, each.dtype
                kept = Buffer(name, 0, each.width, "rows", each.dtype)
                stores.setdefault(each, []).append(kept)
            made.kept[each] = kept

    later = [n for o in made.outers for n in (o.left, o.right)]
    later += list(made.deferred.values())
    at_hand = lambda n: n in forward or n in made.kept or (n in looped and n not in again)  # noqa: E731
    for node in ancestors(later, at_hand):
        if (
            node in looped and node not in made.kept and node not in again
        ):  # read after the loop: keep every step of it
            kept = next((b for b in stores.get(node, ()) if b.time == "rows"), None)
            if kept is None:
                name = f"kept:{len(made.kept)}:later"
                made.widths[name], made.dtypes[name] = node.width, node.dtype
                kept = Buffer(name, 0, node.width, "rows", node.dtype)
                stores.setdefault(node, []).append(kept)
            made.kept[node] = kept

    stop = lambda n: n in forward or n in made.kept  # noqa: E731
    sinks = [n for n in ancestors(later, stop) if n in forward]
    sinks += [n for n in ancestors(stores, forward.__contains__) if n in forward]
    save(made, list(dict.fromkeys(sinks)))
    loads = {n: load_of(s, n) for s, n in made.inputs.items()}
    loads |= {n: load_of(n.source, n) for n in cotangents}  # type: ignore[arg-type]
    loads |= made.saved
    made.backward = schedule(stores, loads)
    made.merged = {k: merged(made, k) for k in range(len(made.matrices))}
    made.sums = {k: sums(made, k) for k in range(len(made.vectors))}
    read = {a for stage in made.backward.stages for g in stage for n in g.body for a in n.operands}
    read |= set(ancestors(later, stop)) | {
        a for stage in made.backward.stages for g in stage for p in g.products for a in p[0].args
    }
    made.rows_saved = any(n.source is not None and n.source.kind == "rows" for n in read)


def sums(made: Plan, vector: int) -> list[Sum]:
    """The gradients of a vector's pieces, sums over rows that lie side by side in one."""
    found: list[Sum] = []
    pieces = [s for s in made.deferred if s.kind == "vector" and s.index == vector]
    for source in sorted(pieces, key=lambda s: s.lo):
        node, width = made.deferred[source], made.inputs[source].width
        kept = made.kept.get(node.operands[0]) if node.op == "sum_rows" else None
        last = found[-1] if found else None
        if kept is not None and last is not None and isinstance(last.of, Buffer):
            end = last.of.lo + last.of.width
            if (last.of.tensor, end, last.lo + last.width) == (kept.tensor, kept.lo, source.lo):
                wide = replace(last.of, width=last.of.width + width)
                found[-1] = Sum(last.lo, last.width + width, wide)
                continue
        found.append(Sum(source.lo, width, node if kept is None else kept))
    return found


def merged(made: Plan, matrix: int) -> list[Merged]:
    """The weight gradients of a matrix, those with a common right side in one product."""
    found: list[Merged] = []
    for o in (o for o in made.outers if o.block.matrix == matrix):
        kept = made.kept.get(o.left)
        left: Node | Buffer = o.left if kept is None else kept
        if found and isinstance(left, Buffer):
            last = found[-1]
            before = last.left
            if (
                isinstance(before, Buffer)
                and last.right is o.right
                and last.columns == o.block.columns
                and last.rows[1] == o.block.rows[0]
                and before.tensor == left.tensor
                and before.lo + before.width == left.lo
            ):
                wide = replace(before, width=before.width + left.width)
                rows = (last.rows[0], o.block.rows[1])
                found[-1] = Merged(wide, o.right, rows, last.columns)
                continue
        found.append(Merged(left, o.right, o.block.rows, o.block.columns))
    return found


def first_of(terms: list[Outer], outer: Outer) -> int:
    """The number of the first weight gradient of this matrix with the same operand: they merge."""
    for number, t in enumerate(terms):
        if t.block.matrix == outer.block.matrix and t.block.transposed == outer.block.transposed:
            same = t.left is outer.left if t.block.transposed else t.right is outer.right
            if same:
                return number
    raise ValueError("A weight gradient is one of the terms.")


def save(made: Plan, sinks: list[Node]) -> None:
    """Choose what the forward keeps: the fewest numbers from which the sinks can be computed."""
    cut = sinks
    while True:  # a state whose every step is kept costs nothing more
        history = made.history | {
            n.source.index for n in (*sinks, *cut) if n.source and n.source.kind == "state"
        }
        if cut is not sinks and history == made.history:
            break
        made.history = history
        cut = smallest_cut(made, sinks)
    field_of = {a: k for k, row in enumerate(made.new_states) for a in row}
    for node in cut:
        if not node.rows or node.op in ("input", "constant"):
            continue  # at hand
        if field_of.get(node) in made.history:
            k = field_of[node]
            row = made.new_states[k]
            lo = sum(a.width for a in row[: row.index(node)])
            made.saved[node] = Buffer(f"state:{k}", lo, node.width, "next", node.dtype)
            continue
        name = "saved" if node.dtype.is_floating_point else f"saved:{node.dtype}"
        lo = made.widths.get(name, 0)
        made.saved[node] = Buffer(name, lo, node.width, "rows", node.dtype)
        made.widths[name], made.dtypes[name] = lo + node.width, node.dtype


def smallest_cut(made: Plan, sinks: list[Node]) -> list[Node]:
    """The values between what a step is given and the sinks that are the fewest numbers."""
    field_of = {a: k for k, row in enumerate(made.new_states) for a in row}
    network = networkx.DiGraph()
    nodes = ancestors(sinks)
    for depth, node in enumerate(nodes):
        source = node.source
        state = source.index if source and source.kind == "state" else field_of.get(node)
        free = (
            not node.rows
            or node.op == "constant"
            or state in made.history
            or (source is not None and source.kind == "sequence")
        )
        # of two equal choices the later one, from which less is computed again
        cost = 0 if free else node.width * 4096 - min(depth, 4095)
        network.add_edge(("in", node), ("out", node), capacity=cost)
        if node.op in ("input", "product", "constant"):
            network.add_edge("source", ("in", node))  # no capacity: never cut
        for a in node.operands:
            network.add_edge(("out", a), ("in", node))
    for node in sinks:
        network.add_edge(("out", node), "sink")
    if not sinks:
        return []
    _, (reached, _) = networkx.minimum_cut(network, "source", "sink")
    return [n for n in nodes if ("in", n) in reached and ("out", n) not in reached]
