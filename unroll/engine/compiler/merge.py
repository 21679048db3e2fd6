"""Sums of products with parameters, each as one product of all its operands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from unroll.engine.compiler.nodes import Node, ancestors

Replaced = dict[Node, Node]  # each node of a graph, and what replaces it in the new graph


def merge_products(targets: Iterable[Node]) -> Replaced:
    """The graph of the targets, with one product where a sum has several that only it reads.

    Returns:
        For the targets and everything they are made of, the node that replaces it.
    """
    targets = list(targets)
    order = ancestors(targets)
    sums = merged_sums(order, users_of(order, targets))
    new: Replaced = {}
    for node in order:
        if node in sums:
            new[node] = rebuilt_sum(node, *sums[node], lambda a: new[a])
        elif any(new[a] is not a for a in node.operands):
            args = tuple(new[a] if isinstance(a, Node) else a for a in node.args)
            new[node] = replace(node, args=args)
        else:
            new[node] = node
    return new


def users_of(order: Iterable[Node], targets: Iterable[Node]) -> dict[Node, int]:
    """How often each node is read; being a target counts as once."""
    users = dict.fromkeys(targets, 1)
    for node in order:
        for a in node.operands:
            users[a] = users.get(a, 0) + 1
    return users


def merged_sums(
    order: list[Node], users: dict[Node, int]
) -> dict[Node, tuple[list[Node], list[Any]]]:
    """Of each sum that has several products: those products, and its other terms."""

    def leaves(node: Node) -> list[Any]:
        """The terms of a sum, through the sums that nobody else reads."""
        found: list[Any] = []
        for a in node.args:
            inner = isinstance(a, Node) and a.op == "add" and a.width == node.width
            found += leaves(a) if inner and users[a] == 1 else [a]
        return found

    found: dict[Node, tuple[list[Node], list[Any]]] = {}
    within: set[Node] = set()
    for node in reversed(order):  # the outermost sum first
        if node.op != "add" or node in within:
            continue
        within |= {
            n for n in ancestors([node]) if n.op == "add" and n is not node and users[n] == 1
        }
        terms = leaves(node)
        merging = [
            t
            for t in terms
            if isinstance(t, Node)
            and t.op == "product"
            and t.width == node.width
            and users[t] == 1
            and terms.count(t) == 1
        ]
        if len(merging) > 1:
            found[node] = merging, [t for t in terms if not any(t is m for m in merging)]
    return found


def rebuilt_sum(
    node: Node, products: list[Node], rest: list[Any], new: Callable[[Node], Node]
) -> Node:
    """A sum as one product of the operands of all its products, plus the sum of the rest."""
    blocks = sorted(
        ((b, a) for m in products for a, b in zip(m.args, m.blocks, strict=True)),
        key=lambda pair: (pair[0].matrix, pair[0].rows, pair[0].columns),
    )
    whole = Node(
        "product", tuple(new(a) for _, a in blocks), node.width, True, node.dtype, node.line,
        tuple(b for b, _ in blocks),
    )  # fmt: skip
    terms = [new(t) if isinstance(t, Node) else t for t in rest]
    while len(terms) > 1:
        operands = [t for t in terms[:2] if isinstance(t, Node)]
        width, rows = max(t.width for t in operands), any(t.rows for t in operands)
        terms[:2] = [Node("add", tuple(terms[:2]), width, rows, node.dtype, node.line)]
    if not terms:
        return whole if node.rows else replace(whole, rows=node.rows)
    return replace(node, args=(terms[0], whole))
