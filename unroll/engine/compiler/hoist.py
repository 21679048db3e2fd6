"""What of a step needs to be computed once a call, once a sequence, before the loop or in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import fx

from unroll.engine.compiler.rowwise import check_rowwise
from unroll.engine.compiler.traced import (
    BEFORE,
    ONCE,
    SEQUENCE,
    STATE,
    Traced,
    is_rows,
    is_sum,
    name_of,
    width_of,
)

aten = torch.ops.aten
Levels = dict[fx.Node, int]  # of every traced value: ONCE, SEQUENCE, BEFORE or STATE


def hoisted(traced: Traced, hoist: bool) -> tuple[Traced, Levels]:
    """The step with as much as possible made of what is known early, and the level of each value.

    The graph is rewritten in place; the step that is returned has the new output and states.

    Args:
        traced: the step, as it was traced.
        hoist: whether what depends on the inputs alone is computed before the loop.

    Raises:
        Unplannable: where a value does not have one row for each sequence.
    """
    tidy(traced.graph)
    levels = label(traced, hoist)
    if hoist:
        split_products(traced.graph, levels)
        levels = label(traced, hoist)
        regroup_sums(traced, levels)
    output, *rest = next(n for n in traced.graph.nodes if n.op == "output").args[0]
    count = len(traced.states)
    taps = dict(zip(traced.taps, rest[count:], strict=True))
    traced = replace(traced, output=output, new_states=rest[:count], taps=taps)
    levels = label(traced, hoist)
    for node in traced.graph.nodes:
        node.meta["batched"] = is_rows(node, traced.batch)
        if levels[node] > ONCE:  # of parameters alone, torch may do whatever it likes
            check_rowwise(node, traced.batch)
    return traced, levels


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


def label(traced: Traced, hoist: bool) -> Levels:
    """What each value depends on."""
    levels: Levels = {}
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


def split_products(graph: fx.Graph, levels: Levels) -> None:
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


def regroup_sums(traced: Traced, levels: Levels) -> None:
    """Add first what is known first: (W x + b) + (U h + c) becomes (W x + (b + c)) + U h."""
    graph = traced.graph
    for root in reversed(list(graph.nodes)):
        if not is_sum(root) or (len(root.users) == 1 and is_sum(next(iter(root.users)))):
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
        found += leaves_of(a) if is_sum(a) and len(a.users) == 1 else [a]
    return found
