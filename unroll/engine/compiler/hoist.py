"""What of a step is done once, once a sequence, before the loop or in it; and the eager parts."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.compiler.nodes import ELEMENTWISE
from unroll.engine.compiler.trace import Traced
from unroll.engine.products import linear
from unroll.engine.refusal import Unplannable

aten = torch.ops.aten

ONCE, SEQUENCE, BEFORE, STATE = range(4)  # what a value depends on: each includes those before it


@dataclass(frozen=True)
class Read:
    """x @ W.T + bias, or x @ W where not turned: a value hoisted over the inputs in one product."""

    matrix: fx.Node
    turned: bool
    bias: fx.Node | None


def tidy(graph: fx.Graph) -> None:
    """Take out what computes nothing new: a multiplication by one, a copy, the same once more."""
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        name, args = name_of(node), node.args
        val = node.meta.get("val")
        same = None
        if name == "mul" and len(args) == 2:
            for a, b in (args, args[::-1]):
                if isinstance(a, fx.Node) and not isinstance(b, fx.Node) and b == 1:
                    same = a
        elif name in ("clone", "alias", "lift_fresh_copy", "_to_copy", "view_copy"):
            same = args[0] if name != "view_copy" else None
        if isinstance(same, fx.Node):
            old = same.meta["val"]
            if old.dtype == val.dtype and old.shape == val.shape:
                node.replace_all_uses_with(same)
                graph.erase_node(node)
    known: dict[Any, fx.Node] = {}
    for node in list(graph.nodes):
        if node.op == "call_function":
            first = known.setdefault(repr((node.target, node.args, node.kwargs)), node)
            if first is not node:
                node.replace_all_uses_with(first)
                graph.erase_node(node)


def label(traced: Traced, hoist: bool) -> dict[fx.Node, int]:
    """What each value depends on."""
    levels: dict[fx.Node, int] = {}
    given = dict.fromkeys(traced.parameters.values(), ONCE)
    given[traced.size] = SEQUENCE
    given[traced.x] = BEFORE if hoist else STATE
    given.update(dict.fromkeys(traced.states, STATE))
    for each, node in traced.noises.values():
        given[node] = BEFORE if each == "step" else SEQUENCE
    for node in traced.graph.nodes:
        levels[node] = given.get(node, ONCE)
        if node not in given:
            levels[node] = max((levels[a] for a in node.all_input_nodes), default=ONCE)
    return levels


def split_products(graph: fx.Graph, levels: dict[fx.Node, int]) -> None:
    """[x, h] @ W becomes x @ W[:I] + h @ W[I:], where what is known early can be hoisted."""
    for node in list(graph.nodes):
        if node.op != "call_function" or name_of(node) != "mm":
            continue
        whole, matrix = node.args
        if name_of(whole) != "cat" or (whole.args[1] if len(whole.args) > 1 else 0) % 2 != 1:
            continue
        parts = whole.args[0]
        if len({levels[p] for p in parts}) < 2 or levels[matrix] != ONCE:
            continue
        total, first = None, 0
        with graph.inserting_before(node):
            for part in parts:
                last = first + width_of(part)
                rows = graph.call_function(aten.slice.Tensor, (matrix, 0, first, last))
                term = graph.call_function(aten.mm.default, (part, rows))
                rows.meta.update(node.meta, val=matrix.meta["val"][first:last])
                term.meta.update(node.meta)
                if total is None:
                    total = term
                else:
                    total = graph.call_function(aten.add.Tensor, (total, term))
                    total.meta.update(node.meta)
                first = last
        node.replace_all_uses_with(total)
    graph.eliminate_dead_code()


def regroup_sums(traced: Traced, levels: dict[fx.Node, int]) -> None:
    """Add first what is known first: (W x + b) + (U h + c) becomes (W x + (b + c)) + U h."""
    graph = traced.graph
    for root in reversed(list(graph.nodes)):
        if not plain_add(root) or (len(root.users) == 1 and plain_add(next(iter(root.users)))):
            continue
        leaves = leaves_of(root)
        if len({levels[l] for l in leaves}) < 2 or len(leaves) < 3:
            continue
        order = sorted(leaves, key=lambda l: (levels[l], name_of(l) == "mm"))
        with graph.inserting_before(root):
            total = order[0]
            for leaf in order[1:]:
                value = total.meta["val"] + leaf.meta["val"]
                total = graph.call_function(aten.add.Tensor, (total, leaf))
                total.meta.update(root.meta, val=value)
                levels[total] = max(levels[a] for a in total.all_input_nodes)
        root.replace_all_uses_with(total)
    graph.eliminate_dead_code()


def leaves_of(root: fx.Node) -> list[fx.Node]:
    """The terms of a sum, through the sums that nobody else reads."""
    found: list[fx.Node] = []
    terms: Any = root.args
    for a in terms:
        found += leaves_of(a) if plain_add(a) and len(a.users) == 1 else [a]
    return found


def plain_add(node: Any) -> bool:
    return (
        isinstance(node, fx.Node)
        and node.op == "call_function"
        and name_of(node) == "add"
        and not node.kwargs
        and all(isinstance(a, fx.Node) for a in node.args)
    )


ROWWISE = {
    # rows stay rows where the operation works on later axes only
    "mm", "addmm", "bmm", "slice", "select", "split_with_sizes", "split", "getitem", "cat",
    "unsqueeze", "squeeze", "expand", "permute", "t", "transpose", "view", "reshape", "view_copy",
    "_unsafe_view", "sum", "amax", "amin", "full", "zeros", "ones", "full_like", "zeros_like",
    "ones_like", "empty_like", "scalar_tensor", "lift_fresh_copy", "_to_copy", "alias", "mul",
    "constant_pad_nd", "any", "all", "argmax", "fill", "new_zeros", "new_full", "copy",
    "masked_fill",
}  # fmt: skip


def check_rowwise(node: fx.Node, batch: int) -> None:
    """Every value that depends on the batch has one row for each sequence, from its row alone.

    Raises: Unplannable.
    """
    if node.op != "call_function" or node.target is operator.mul:
        return
    name, line = name_of(node), node.meta["line"]
    if name not in ROWWISE and name not in ELEMENTWISE:
        raise Unplannable(f"{name} is not among the operations that the compiler knows", line)
    batched = [a for a in node.all_input_nodes if is_rows(a, batch)]
    if not batched:
        return
    val = node.meta.get("val")
    if isinstance(val, Tensor) and not is_rows(node, batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)
    dims: Any = node.args[1] if len(node.args) > 1 else None
    axis = {
        "cat": dims or 0,
        "slice": dims or 0,
        "select": dims,
        "unsqueeze": dims,
    }.get(name)
    if name in ("sum", "amax", "amin", "any", "all"):
        whole = dims is None or dims == []
        if whole or any(d % batched[0].meta["val"].dim() == 0 for d in aslist(dims)):
            raise Unplannable(f"{name} mixes the sequences of a batch", line)
    of = batched[0].meta["val"] if name == "select" else val
    if axis is not None and isinstance(of, Tensor) and axis % of.dim() == 0:
        raise Unplannable(f"{name} works along the batch", line)
    if name in ("mm", "addmm") and is_rows(node.args[-1], batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)


def is_rows(node: Any, batch: int) -> bool:
    val = node.meta.get("val") if isinstance(node, fx.Node) else None
    if isinstance(val, list | tuple):
        val = val[0]
    return isinstance(val, Tensor) and val.dim() > 0 and val.shape[0] == batch


def needed(targets: Iterable[fx.Node], levels: Mapping[fx.Node, int]) -> set[fx.Node]:
    """The operations on the state that the targets are made of."""
    found: set[fx.Node] = set()
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node in found or levels[node] < STATE or node.op != "call_function":
            continue
        found.add(node)
        stack.extend(node.all_input_nodes)
    return found


def extract(inputs: list[fx.Node], outputs: list[fx.Node], graph: fx.Graph) -> fx.GraphModule:
    """The operations that make the outputs of the inputs, as a module."""
    part = fx.Graph()
    copies = {n: part.placeholder(f"input_{k}") for k, n in enumerate(inputs)}
    for n, copy in copies.items():
        copy.meta.update(n.meta)
    wanted: set[fx.Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in wanted and node not in copies:
            wanted.add(node)
            stack.extend(node.all_input_nodes)
    for node in graph.nodes:
        if node in wanted and node not in copies:
            copies[node] = part.node_copy(node, lambda n: copies[n])
    part.output(tuple(copies[n] for n in outputs))
    return fx.GraphModule({}, large_products(part))


def large_products(graph: fx.Graph) -> fx.Graph:
    """Let the products of all steps together, with their bias, go to the fastest library."""
    for node in list(graph.nodes):
        if node.op != "call_function" or name_of(node) != "mm":
            continue
        x, matrix = node.args
        bias, last = None, node
        user = next(iter(node.users)) if len(node.users) == 1 else None
        if user is not None and plain_add(user):
            other = next((a for a in user.args if a is not node), node)
            val = other.meta.get("val")
            if isinstance(val, Tensor) and val.dim() == 1:
                bias, last = other, user
        with graph.inserting_before(last):
            new = graph.call_function(linear, (x, matrix, bias))
            new.meta.update(last.meta)
        last.replace_all_uses_with(new)
    graph.eliminate_dead_code()
    return graph


def name_of(node: fx.Node) -> str:
    target = node.target
    if target is operator.getitem:
        return "getitem"
    packet = getattr(target, "overloadpacket", None)
    return packet.__name__ if packet is not None else str(getattr(target, "__name__", target))


def is_constant(node: fx.Node) -> bool:
    return node.op == "call_function" and name_of(node) in (
        "full", "zeros", "ones", "full_like", "zeros_like", "ones_like", "scalar_tensor",
        "new_zeros", "new_full",
    )  # fmt: skip


def width_of(node: Any) -> int:
    """Columns of a value: [B, w], [B] (one), or of a parameter [w], [1, w], []."""
    val = node.meta["val"]
    if isinstance(val, list | tuple):
        return sum(v.shape[-1] for v in val)
    if val.dim() == 0:
        return 1
    if val.dim() == 1:
        return 1 if node.meta.get("batched") else val.shape[0]
    return val.shape[-1]


def unique(nodes: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(nodes))


def aslist(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
