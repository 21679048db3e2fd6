"""The names and lines that the values of a plan have in the user's step.

A plan's values are cut, merged and traced twice, so they are found again by their numbers: the
step is run once on random numbers, and equal columns are the same value.
"""

from __future__ import annotations

import ast
import functools
import linecache
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.compiler.nodes import Node, ancestors, apply
from unroll.engine.compiler.plan import Plan

ROWS = 6  # of random numbers; two values that are equal in all of them are the same


@dataclass(frozen=True)
class Place:
    """The position of a value in the traced step.

    Attributes:
        order: the number of the traced value.
        lo: its first column there.
        width: all columns of the traced value.
        line: its line in the user's step.
        name: what the user's step calls it, or "".
    """

    order: int
    lo: int
    width: int
    line: str
    name: str


def places(plan: Plan) -> dict[Node, Place]:
    """The places of the values of the forward, those that are found."""
    numbers = run(plan)
    names = names_of(plan.traced.graph)
    wholes: list[tuple[int, fx.Node, Tensor]] = []
    for order, (twin, value) in enumerate(numbers.items()):
        rows = isinstance(value, Tensor) and value.dim() in (1, 2) and value.shape[:1] == (ROWS,)
        if rows and twin.op == "call_function":
            wholes.append((order, twin, value.reshape(ROWS, -1).double()))
    columns = torch.cat([w for _, _, w in wholes], 1)
    starts = torch.tensor([0, *(w.shape[1] for _, _, w in wholes)]).cumsum(0)

    found: dict[Node, Place] = {}
    for node, value in nodes_of(plan, numbers).items():
        if not node.rows or node.op == "input" or not value.isfinite().all():
            continue
        first, last = value[:, :1].double(), value[:, -1:].double()
        near = alike(columns[:1], first[:1]).nonzero().flatten()  # few of many
        for at in near[alike(columns[:, near], first)].tolist():
            k = int(torch.searchsorted(starts, at, right=True)) - 1
            order, twin, whole = wholes[k]
            lo = at - int(starts[k])
            end = lo + node.width
            if end > whole.shape[1] or not alike(whole[:, end - 1 : end], last).all():
                continue
            name = names.get(twin, "") if whole.shape[1] == node.width else ""
            known = found.get(node)
            if known is None:
                found[node] = Place(order, lo, whole.shape[1], twin.meta.get("line", ""), name)
            elif name and not known.name:  # the same value under the name of its columns
                found[node] = replace(known, name=name)
    return found


def alike(columns: Tensor, column: Tensor) -> Tensor:
    """Which of the columns [N, k] are the given one, [N, 1], but for rounding: bool [k]."""
    return ((columns - column).abs() <= 1e-4 * column.abs() + 1e-6).all(0)


def run(plan: Plan) -> dict[fx.Node, Any]:
    """Every value of the traced step on random numbers; whole numbers are ones."""
    random = torch.Generator().manual_seed(0)
    traced = plan.traced
    values: dict[fx.Node, Any] = {traced.size: ROWS}

    def given(node: fx.Node) -> Tensor:
        like = node.meta["val"]
        parameter = node in traced.parameters.values()
        shape = like.shape if parameter else (ROWS, *like.shape[1:])
        if not like.is_floating_point():
            return torch.ones(shape, dtype=like.dtype)
        # of a size that keeps sums of products away from where functions are flat
        size = max(1, like.shape[-1] if like.dim() > 1 and parameter else 1) ** -0.5
        return torch.randn(shape, generator=random, dtype=torch.float32).to(like.dtype) * size

    with torch.no_grad():
        for node in traced.graph.nodes:
            if node.op == "placeholder" and node not in values:
                values[node] = given(node)
            elif node.op == "call_function":
                args, keywords = fx.map_arg((node.args, dict(node.kwargs)), values.__getitem__)
                values[node] = node.target(*args, **keywords)
    return values


def nodes_of(plan: Plan, numbers: Mapping[fx.Node, Any]) -> dict[Node, Tensor]:
    """Every value of the forward's loop on the same random numbers."""
    wholes = {
        "state": plan.traced.states,
        "vector": plan.loop.vectors,
        "sequence": plan.loop.sequences,
        "rows": plan.loop.rows,
    }
    known: dict[Node, Tensor] = {}
    for source, node in plan.loop.inputs.items():
        whole = numbers[wholes[source.kind][source.index]]
        whole = whole.reshape(ROWS, -1) if node.rows else whole.reshape(-1)
        known[node] = whole[..., source.lo : source.lo + node.width]
    matrices = [numbers[n] for n in plan.loop.matrices]
    with torch.no_grad():
        for node in ancestors(a for row in (*plan.loop.new_states, *plan.loop.emits) for a in row):
            if node not in known:
                parts = {b: b.of(matrices) for b in node.blocks if b.matrix >= 0}
                args = [known[a] if isinstance(a, Node) else a for a in node.args]
                value = apply(node, args, parts)
                known[node] = value.expand(ROWS, node.width) if node.rows else value
    return known


# ---------------------------------------------------------------- names


def names_of(graph: fx.Graph) -> dict[fx.Node, str]:
    """What the user's step assigns the values to: `c = f * c + i * g` names the last of its line."""
    runs: list[tuple[Any, list[fx.Node]]] = []  # nodes of one statement that follow each other
    for node in graph.nodes:
        if node.op != "call_function":
            continue
        where = node.meta.get("stack_trace") or ""
        file, _, line = where.rpartition(":")
        statement = statement_at(file, int(line)) if line.isdigit() else None
        if not runs or runs[-1][0] != statement:
            runs.append((statement, []))
        runs[-1][1].append(node)
    names: dict[fx.Node, str] = {}
    for statement, nodes in runs:
        if statement is None:
            continue
        targets = statement[1]
        results = results_of(nodes)
        if len(results) % len(targets) == 0:  # a line in a loop comes several times
            names.update(zip(results, targets * (len(results) // len(targets)), strict=True))
    return names


def results_of(nodes: Sequence[fx.Node]) -> list[fx.Node]:
    """Those that none of the others reads."""
    inside = set(nodes)
    return [n for n in nodes if not any(u in inside for u in n.users)]


@functools.lru_cache(maxsize=64)
def assignments(file: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """(first line, last line, names) of every assignment to plain names in a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return []
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            names = tuple(p.id for p in parts if isinstance(p, ast.Name))
            if len(names) == len(parts):
                found.append((node.lineno, node.end_lineno or node.lineno, names))
    return found


def statement_at(file: str, line: int) -> tuple[int, tuple[str, ...]] | None:
    """The assignment that a line is part of, as (first line, names)."""
    if not os.path.isabs(file):  # noqa: PTH117
        return None
    within = [(lo, names) for lo, hi, names in assignments(file) if lo <= line <= hi]
    return max(within, default=None)
