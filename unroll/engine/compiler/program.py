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
    """Columns lo.. lo+width of a tensor, and which rows of it a step touches.

    time: "fixed" (the same at every step), "rows" (this step's), "previous" and "next" (before
        and after this step, of a state), "carried" and "carry" (the same, of its gradient).
    shared: one row for all sequences.
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
    """What a stage does at one width: products of several segments, then elementwise nodes."""

    width: int
    products: list[list[Node]]  # segments that share their operands
    body: list[Node]  # elementwise, operands first


@dataclass
class Program:
    """The stages of one direction, and where every value is kept.

    loads: buffers of values that are read. stores: of values that are written.
    """

    stages: list[list[Group]]
    loads: dict[Node, Buffer]
    stores: dict[Node, list[Buffer]]
    scratch: dict[str, tuple[int, torch.dtype]]  # widths of tensors that live within a step


@dataclass(frozen=True)
class Outer:
    """A deferred weight gradient: left.T @ right, over all rows, for this block of a matrix."""

    left: Node
    right: Node
    block: Block


@dataclass(frozen=True)
class Merged:
    """Weight gradients whose left sides lie side by side, as one product left.T @ right."""

    left: Node | Buffer
    right: Node
    rows: tuple[int, int]
    columns: tuple[int, int]

    def covers(self, shape: Sequence[int]) -> bool:
        return self.rows == (0, shape[0]) and self.columns == (0, shape[1])


@dataclass(frozen=True)
class Sum:
    """The gradient of columns lo.. lo+width of a vector: columns summed over rows, or a node."""

    lo: int
    width: int
    of: Node | Buffer
