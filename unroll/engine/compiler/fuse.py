"""What was hoisted over the inputs but costs less where it is read: elementwise work on products.

`z = sigmoid(linear(x, W))` needs no state, but as operations of their own over all rows each part
of it reads and writes memory, forward and backward. In the stage that reads z it is some
arithmetic on numbers that are at hand. So the loop is given the product, and does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.compiler.nodes import ELEMENTWISE
from unroll.engine.compiler.traced import (
    BEFORE,
    ONCE,
    STATE,
    Traced,
    is_constant,
    is_sum,
    name_of,
    unique,
    width_of,
)

# operations whose results are true or false; others of such a type are not moved
TESTS = frozenset(
    """eq ne lt le gt ge isnan logical_and logical_or logical_xor logical_not bitwise_and bitwise_or
    bitwise_xor bitwise_not""".split()
)
PIECES = frozenset(("slice", "getitem", "split", "split_with_sizes"))

# The loop reads each number that was hoisted forward and backward, and writes its gradient; so with
# a gradient that is summed: it is written, and read again with what it is multiplied with.
TOUCHED = 3


def moved_into_loop(
    traced: Traced, levels: Mapping[fx.Node, int], loop: Iterable[fx.Node]
) -> set[fx.Node]:
    """The hoisted operations that the loop should do itself.

    All that is elementwise between the loop and the products, the inputs, the noise and whatever
    mixes the units of a row; but nothing that anyone else reads, because that is there anyway.

    They are moved where that saves more than it costs, counted in numbers that go through memory:
    it saves what these operations read and write over all rows, and costs what the loop now reads
    beyond what it read before, and the gradients of vectors, which are summed after the loop. A sum
    of two products is not moved (three numbers against three), a sigmoid of that sum is. Functions
    such as exp count as nothing: they take the same time here and there.
    """
    inside = set(loop)

    def hoisted(node: fx.Node) -> bool:
        return levels[node] == BEFORE and not is_constant(node)

    ends = [n for n in traced.new_states if hoisted(n)]
    read = unique([*(a for n in loop for a in n.all_input_nodes if hoisted(a)), *ends])
    found: set[fx.Node] = set()
    stack = list(read)
    while stack:
        node = stack.pop()
        if node not in found and hoisted(node) and movable(node, traced, levels):
            found.add(node)
            stack.extend(node.all_input_nodes)
    for node in reversed(list(traced.graph.nodes)):
        if node in found:
            known = [u in inside or u in found or u.op == "output" for u in node.users]
            if not all(known) or node in traced.outputs:
                found.discard(node)

    work = [n for n in found if name_of(n) not in (*PIECES, "cat")]
    through = [a for n in work for a in n.all_input_nodes if hoisted(a)]
    given = unique(a for n in (*read, *through) for a in given_to_loop(n, found))
    saved = sum(map(width_of, (*work, *through)))
    summed = [
        n
        for n in work
        for a in n.all_input_nodes
        if levels[a] == ONCE
        and not is_constant(a)
        # of a bias it is the gradient of what the loop is given, which is there anyway
        and (
            name_of(n) not in ("add", "sub") or any(whole_of(b) in work for b in n.all_input_nodes)
        )
    ]
    cost = sum(map(width_of, (*given, *summed))) - sum(map(width_of, read))
    return found if work and saved > TOUCHED * cost else set()


def given_to_loop(node: fx.Node, found: set[fx.Node]) -> list[fx.Node]:
    """What the loop is given of a value: itself, its parts, or nothing where the loop makes it."""
    name, args = name_of(node), node.args
    if name in ("split", "split_with_sizes"):
        return []
    if name == "cat" and node in found:
        parts: Any = args[0]
        return [t for part in parts for t in given_to_loop(part, found)]
    return [] if whole_of(node) in found else [node]


def whole_of(node: fx.Node) -> fx.Node:
    """What a value is a piece of."""
    while name_of(node) in PIECES:
        node = node.args[0]  # type: ignore[assignment]
    return node


def movable(node: fx.Node, traced: Traced, levels: Mapping[fx.Node, int]) -> bool:
    """Whether the stages know this operation, at equal widths: others need a stage of their own."""
    if node.op != "call_function" or is_product(node, levels):
        return False
    name, val = name_of(node), node.meta.get("val")
    args: Any = node.args
    if name in ("split", "split_with_sizes"):
        dim = args[2] if len(args) > 2 else node.kwargs.get("dim", 0)
        return all(v.dim() == 2 for v in val or ()) and dim in (1, -1)
    if not isinstance(val, Tensor) or val.dim() != 2:
        return False
    if name == "getitem":
        return movable(args[0], traced, levels)
    if name == "slice":
        return args[0].meta["val"].dim() == 2 and args[1] in (1, -1) and args[4:] in ((), (1,))
    real = traced.x.meta["val"].dtype
    operands = node.all_input_nodes
    if any(getattr(a.meta.get("val"), "dtype", None) not in (real, torch.bool) for a in operands):
        return False  # of whole numbers, the stages know some operations only
    if name == "cat":
        return val.dtype == real and len(args) == 2 and args[1] in (1, -1)
    if any(levels[a] > ONCE and a.meta["val"].shape != val.shape for a in operands):
        return False
    if name == "_to_copy":
        return val.dtype == real
    if node.kwargs or name not in ELEMENTWISE | {"masked_fill"}:
        return False
    return val.dtype == real or (val.dtype == torch.bool and name in TESTS)


def is_product(node: fx.Node, levels: Mapping[fx.Node, int]) -> bool:
    """With its bias, which a large product adds on the way."""
    if not is_sum(node):
        return name_of(node) == "mm"
    args: Any = node.args
    return any(
        name_of(mm) == "mm" and levels[bias] == ONCE and bias.meta["val"].dim() == 1
        for mm, bias in (args, args[::-1])
    )


def into_loop(levels: Mapping[fx.Node, int], nodes: set[fx.Node]) -> dict[fx.Node, int]:
    """The levels, with these nodes in the loop."""
    return {n: STATE if n in nodes else level for n, level in levels.items()}
