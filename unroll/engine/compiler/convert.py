"""A traced gradient as nodes of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx

from unroll.engine.compiler.elementwise import elementwise, elementwise_args
from unroll.engine.compiler.nodes import ELEMENTWISE, Block, Node
from unroll.engine.compiler.traced import CONSTANTS, TRANSPOSES, as_list, constant_of, name_of
from unroll.engine.refusal import Unplannable

SAME = ("view", "reshape", "clone", "expand", "_unsafe_view")  # of a weight gradient
VIEWS = ("view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "view_copy", "detach")


@dataclass(frozen=True)
class MatrixBlock:
    """A block of a matrix in the traced gradient, as it is or transposed."""

    block: Block
    turned: bool


@dataclass(frozen=True)
class TransposedRows:
    """Rows, transposed: the left side of a weight gradient."""

    node: Node


@dataclass(frozen=True)
class WeightGradient:
    """The sum of left.T @ right over its terms (left, right), each [N, n] and [N, k]."""

    terms: tuple[tuple[Node, Node], ...]


def convert(graph: fx.Graph, given: Sequence[Any], batch: int) -> list[Any]:
    """The outputs of a traced gradient as nodes, numbers and weight gradients.

    Args:
        graph: the traced gradient.
        given: the values of its placeholders: nodes, numbers and blocks of matrices.
        batch: the batch size of the examples, which no parameter has.

    Raises:
        Unplannable: for an operation that is not planned.
    """
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
    """One operation of a traced gradient; value: the results of those before it.

    Raises:
        Unplannable: where the operation is not one that the compiler supports, with its line.
    """
    name, line = name_of(node), node.meta["line"]
    first: Any = value[node.args[0]] if node.args and isinstance(node.args[0], fx.Node) else None
    if name in TRANSPOSES:
        return transposed(first)
    if name == "mm":
        second = value[node.args[1]]
        if isinstance(first, TransposedRows) and isinstance(second, Node):
            return WeightGradient(((first.node, second),))
        if isinstance(first, Node) and isinstance(second, MatrixBlock):
            b = second.block
            block = Block(b.matrix, b.rows, b.columns, transposed=not second.turned)
            dtype = node.meta["val"].dtype
            return Node("product", (first,), block.width, True, dtype, line, (block,))
    elif isinstance(first, WeightGradient):
        if name == "add":
            return WeightGradient(first.terms + value[node.args[1]].terms)
        if name in SAME:
            return first
    elif name == "sum":
        return summed(node, first, line)
    elif name in CONSTANTS:
        return constant_of(node)
    elif name in VIEWS:
        return first
    elif name in ELEMENTWISE or name in ("_to_copy", "masked_fill", "sgn"):
        args = [value[a] if isinstance(a, fx.Node) else a for a in elementwise_args(node)]
        if not any(isinstance(a, WeightGradient | MatrixBlock | TransposedRows) for a in args):
            return elementwise(node, args)
    raise Unplannable(f"its gradient needs {name}, which the compiler does not support", line)


def transposed(value: Any) -> Any:
    """The node of the transpose of a value."""
    if isinstance(value, MatrixBlock):
        return MatrixBlock(value.block, not value.turned)
    if isinstance(value, WeightGradient):
        return WeightGradient(tuple((b, a) for a, b in value.terms))
    return value.node if isinstance(value, TransposedRows) else TransposedRows(value)


def summed(node: fx.Node, value: Any, line: str) -> Node:
    """A sum over columns as a product with ones, over rows as a node of its own.

    Raises:
        Unplannable: where the value is a constant and not a node.
    """
    val = node.args[0].meta["val"]  # type: ignore[union-attr]
    if not isinstance(value, Node):  # a number: a sum of equal numbers
        raise Unplannable("its gradient sums a constant, which the compiler does not support", line)
    dims = as_list(node.args[1]) if len(node.args) > 1 else []
    axes = {d % val.dim() for d in dims} or set(range(val.dim()))
    if val.dim() == 2 and 1 in axes:
        if val.shape[1] > 1 or value.width > 1:
            wide = widened(value, val.shape[1])
            ones = Block(-1, (0, 1), (0, wide.width))
            value = Node("product", (wide,), 1, value.rows, value.dtype, line, (ones,))
        axes.discard(1)
    if 0 in axes:
        if val.dim() == 2:
            value = widened(value, val.shape[1] if len(dims) == 1 else value.width)
            if not value.rows:
                value = Node("clone", (value,), value.width, True, value.dtype, line)
        width = value.width if val.dim() == 2 else 1
        value = Node("sum_rows", (value,), width, False, value.dtype, line)
    return value


def widened(node: Node, width: int) -> Node:
    """A node as rows of this width: itself where it has it."""
    if node.width == width and node.rows:
        return node
    return Node("clone", (node,), width, True, node.dtype, node.line)


def as_wide(found: Any, like: Node) -> Node:
    """A gradient as a node of the width of what it is the gradient of; none is zero."""
    if not isinstance(found, Node):
        return Node("constant", (float(found or 0),), like.width, True, like.dtype)
    return widened(found, like.width)
