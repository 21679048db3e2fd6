"""The small graph that a plan is made of: every value one row for each sequence, of some width.

There are no slices and no concatenations in it: a value that is cut anywhere is cut everywhere,
and each piece is a node of its own. What remains are elementwise operations between equal widths (width 1
broadcasts), products with blocks of matrices, and, for gradients, sums over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
Product = Callable[[Tensor, Tensor], Tensor]

# every elementwise operation that the compiler knows, by its aten name
ELEMENTWISE = frozenset(
    """abs acos add asin atan atan2 bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clone
    detach cos cosh div eq erf exp exp2 expm1 floor floor_divide fmod ge gt isnan le log log1p log2
    logical_and logical_not logical_or logical_xor lt maximum minimum mul ne neg pow reciprocal
    relu remainder round rsqrt sigmoid sign sin sinh sqrt sub tan tanh to trunc where""".split()
)

# those that aten has for two tensors, not for a tensor and a number
TENSORS_ONLY = frozenset(
    "maximum minimum atan2 logical_and logical_or logical_xor floor_divide fmod".split()
)


@dataclass(frozen=True)
class InputSource:
    """Where an input comes from.

    Attributes:
        kind: "state", "rows" (other values at each step), "sequence" (once for each sequence), "vector" (the
            same for all rows), and in a backward graph "d_state" and "d_emit".
        index: the number of the value among those of its kind.
        lo: its first column.
    """

    kind: str
    index: int
    lo: int


@dataclass(frozen=True)
class Block:
    """Part of a matrix.

    Attributes:
        matrix: the number of the matrix W; -1 is a matrix of ones.
        rows: from which row to which.
        columns: from which column to which.
        transposed: whether a product is a @ W[rows, columns], else a @ W[rows, columns].T.
    """

    matrix: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of this part of the matrix."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def width(self) -> int:
        """Columns of a product with this block."""
        return self.shape[1] if self.transposed else self.shape[0]

    def of(self, matrices: Sequence[Tensor]) -> Tensor:
        """This part of the matrix, [rows, columns]."""
        return matrices[self.matrix][slice(*self.rows), slice(*self.columns)]


@dataclass(frozen=True, eq=False)
class Node:
    """One value of a plan.

    Attributes:
        op: "input", "constant", "product", "sum_rows", "outer", or one of ELEMENTWISE.
        args: the nodes and numbers that it is made of.
        width: its columns.
        rows: whether it has one row for each sequence, else it is the same for all.
        dtype: the type of its numbers.
        line: its place in the user's step, as "file:line".
        blocks: of a product, the block of each operand.
        source: of an input, where it comes from.
    """

    op: str
    args: tuple[Any, ...]
    width: int
    rows: bool
    dtype: torch.dtype
    line: str = ""
    blocks: tuple[Block, ...] = ()
    source: InputSource | None = None

    @property
    def operands(self) -> list[Node]:
        """The nodes among the arguments."""
        return [a for a in self.args if isinstance(a, Node)]

    def __repr__(self) -> str:
        where = f" {self.source}" if self.source else ""
        return f"<{self.op} [{'B, ' if self.rows else ''}{self.width}]{where}>"


def ancestors(
    targets: Iterable[Node], stop: Callable[[Node], bool] = lambda n: False
) -> list[Node]:
    """The targets and all they are made of, operands first; not beyond nodes where `stop`."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(t, False) for t in reversed(list(targets))]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        if not stop(node):
            stack.extend((a, False) for a in reversed(node.operands))
    return order


def evaluate(
    targets: Sequence[Node],
    values: Mapping[Node, Tensor],
    parts: Mapping[Block, Tensor],
    product: Product = torch.mm,
    shifts: Mapping[Node, Tensor] | None = None,
) -> list[Tensor]:
    """The targets in eager PyTorch.

    Args:
        targets: the nodes that are wanted.
        values: values of the inputs, and of whatever is known already, [B, w].
        parts: the blocks of the matrices.
        product: multiplies rows by a matrix.
        shifts: what is added to nodes that are computed, or None.
    """
    known = dict(values)
    for node in ancestors(targets, known.__contains__):
        if node not in known:
            args = [known[a] if isinstance(a, Node) else a for a in node.args]
            known[node] = apply(node, args, parts, product)
            if shifts and node in shifts:
                known[node] = known[node] + shifts[node]
    return [known[t] for t in targets]


def apply(
    node: Node, args: Sequence[Any], parts: Mapping[Block, Tensor], product: Product = torch.mm
) -> Tensor:
    """One node of its arguments' values.

    Args:
        node: the node.
        args: of each argument its value, [B, w], or a vector [w], or a number.
        parts: the blocks of the matrices, [rows, columns] each.
        product: multiplies rows [B, k] by a matrix [k, w].

    Returns:
        [B, w]; a constant [1, w]; a weight gradient [rows, columns]; a sum over rows [w].
    """
    if node.op == "product":
        terms = [multiply(a, b, parts, product) for a, b in zip(args, node.blocks, strict=True)]
        return sum(terms[1:], terms[0])
    if node.op == "constant":
        return torch.full((1, node.width), args[0], dtype=node.dtype)
    if node.op == "outer":
        return args[0].t() @ args[1]
    if node.op == "sum_rows":
        return args[0].sum(0)
    if node.op == "detach":
        return args[0].detach()
    if node.op == "to":
        return args[0].to(node.dtype)
    if node.op == "clone":  # also widens a column
        return args[0].expand(*args[0].shape[:-1], node.width).clone()
    if node.op in TENSORS_ONLY or not isinstance(args[0], Tensor):
        like = next(a for a in args if isinstance(a, Tensor))
        args = [a if isinstance(a, Tensor) else scalar(a, like.dtype) for a in args]
    return getattr(aten, node.op)(*args)


def scalar(value: float | int | bool, like: torch.dtype) -> Tensor:
    """A number as a tensor, for operations that take two tensors."""
    exact = like.is_floating_point or not isinstance(value, float)
    result: Tensor = aten.full([], value, dtype=like if exact else torch.get_default_dtype())
    return result


def multiply(a: Tensor, block: Block, parts: Mapping[Block, Tensor], product: Product) -> Tensor:
    """Rows a [B, k] times a block of a matrix: [B, w]; [B, 1] for the sum of the columns."""
    if block.matrix < 0:
        return a.sum(1, keepdim=True)
    return product(a, parts[block] if block.transposed else parts[block].t())
