"""The stages of a loop over time, and where every value of a step is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from unroll.engine.compiler.nodes import Block, InputSource, Node

# of every tensor by its name: its columns and its type
Forms = dict[str, tuple[int, torch.dtype]]
Stores = dict[Node, list["Buffer"]]  # where each value is written


@dataclass(frozen=True)
class Buffer:
    """Columns of a tensor, and which rows of it a step touches.

    Attributes:
        tensor: the name of the tensor.
        lo: its first column.
        width: how many columns.
        time: "fixed" (the same at every step), "rows" (this step's), "previous" and "next" (before
            and after this step, of a state), "carried" and "carry" (the same, of its gradient).
        dtype: the type of its numbers.
        shared: whether there is one row for all sequences.
    """

    tensor: str
    lo: int
    width: int
    time: str
    dtype: torch.dtype
    shared: bool = False


def load_of(source: InputSource, node: Node) -> Buffer:
    """Where an input is read."""
    time = {"state": "previous", "rows": "rows", "d_emit": "rows", "d_state": "carried"}.get(
        source.kind, "fixed"
    )
    name = f"{source.kind}:{source.index}"
    return Buffer(name, source.lo, node.width, time, node.dtype, shared=not node.rows)


def store_beside(stores: Stores, nodes: Iterable[Node], tensor: str, time: str) -> None:
    """Add to the stores that these nodes are written side by side into one tensor."""
    lo = 0
    for node in nodes:
        stores.setdefault(node, []).append(Buffer(tensor, lo, node.width, time, node.dtype))
        lo += node.width


# of a state that has room for two steps only
TURNING = {"previous": "carried", "next": "carry"}


@dataclass
class Group:
    """What a stage does at one width: products of several segments, then elementwise nodes.

    Attributes:
        width: columns of every value.
        products: products, each as the segments that share its operands.
        body: the elementwise nodes, operands first.
    """

    width: int
    products: list[list[Node]]
    body: list[Node]


@dataclass
class Program:
    """The stages of one direction, and where every value is kept.

    Attributes:
        stages: the groups of each stage.
        loads: where values are read.
        stores: where values are written.
        scratch: columns and type of the tensors that live within a step.
    """

    stages: list[list[Group]]
    loads: dict[Node, Buffer]
    stores: dict[Node, list[Buffer]]
    scratch: dict[str, tuple[int, torch.dtype]]


@dataclass(frozen=True)
class Outer:
    """A deferred weight gradient: left.T @ right over all rows.

    Attributes:
        left: [N, rows of the block].
        right: [N, columns of the block].
        block: the part of a matrix that it is the gradient of.
    """

    left: Node
    right: Node
    block: Block


@dataclass(frozen=True)
class Merged:
    """Weight gradients whose left sides lie side by side, as one product left.T @ right.

    Attributes:
        left: a value, or where the left sides are kept.
        right: the value that they share.
        rows: which rows of the matrix it is the gradient of.
        columns: which columns.
    """

    left: Node | Buffer
    right: Node
    rows: tuple[int, int]
    columns: tuple[int, int]

    def covers(self, shape: Sequence[int]) -> bool:
        """Whether this is the gradient of a whole matrix of this shape."""
        return self.rows == (0, shape[0]) and self.columns == (0, shape[1])


@dataclass(frozen=True)
class Sum:
    """The gradient of columns of a vector.

    Attributes:
        lo: the first column.
        width: how many.
        of: a node, or where the columns are kept that are summed over rows.
    """

    lo: int
    width: int
    of: Node | Buffer
