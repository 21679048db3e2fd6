"""The operations of the loop as nodes: products and elementwise operations between equal widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from torch import fx

from unroll.engine.compiler.cut_points import cut_points, kind_of, slice_of
from unroll.engine.compiler.elementwise import elementwise, elementwise_args
from unroll.engine.compiler.merge import merge_products
from unroll.engine.compiler.nodes import Block, InputSource, Node
from unroll.engine.compiler.partition import Partition
from unroll.engine.compiler.traced import (
    BEFORE,
    ONCE,
    SEQUENCE,
    STATE,
    TRANSPOSES,
    Traced,
    axis_slice,
    constant_of,
    is_constant,
    is_part,
    line_of,
    name_of,
    sums_last_axis,
    width_of,
)
from unroll.engine.refusal import Unplannable


@dataclass(frozen=True)
class LoopGraph:
    """The step's own operations as nodes, and what they read.

    Attributes:
        matrices: the matrices that the loop multiplies with, in the order of `Block.matrix`.
        vectors: values of parameters alone, in the order of `Source.index`, as those that follow.
        sequences: values that have one row for each sequence.
        rows: values that have one row for each sequence and step.
        inputs: the nodes that read a state or one of these values.
        new_states: of each field of the new state, its pieces in the order of their columns.
        emits: of each emitted value, its pieces.
    """

    matrices: list[fx.Node]
    vectors: list[fx.Node]
    sequences: list[fx.Node]
    rows: list[fx.Node]
    inputs: dict[InputSource, Node]
    new_states: list[list[Node]]
    emits: list[list[Node]]

    @property
    def results(self) -> list[Node]:
        """The pieces of the new states, then those of the emitted values."""
        return [a for pieces in (*self.new_states, *self.emits) for a in pieces]

    def with_results(self, results: list[Node]) -> LoopGraph:
        """The same loop with other nodes in place of `results`, in the same order."""
        rest = iter(results)
        new_states = [[next(rest) for _ in pieces] for pieces in self.new_states]
        emits = [[next(rest) for _ in pieces] for pieces in self.emits]
        return replace(self, new_states=new_states, emits=emits)


def cut(traced: Traced, levels: Mapping[fx.Node, int], division: Partition) -> LoopGraph:
    """Cut the operations of the loop at every border, into nodes.

    Raises:
        Unplannable: for an operation that the loop does not know.
    """
    cutter = _Cutter(traced, levels, division.loop)
    new_states = [cutter.nodes(n) for n in traced.new_states]
    emits = [cutter.nodes(n) for n in division.emitted]
    loop = LoopGraph(
        cutter.matrices, cutter.vectors, cutter.sequences, cutter.rows, cutter.inputs,
        new_states, emits,
    )  # fmt: skip
    merged = merge_products(loop.results)
    return loop.with_results([merged[a] for a in loop.results])


class _Cutter:
    """Cuts values into nodes; it only gathers what they read."""

    def __init__(self, traced: Traced, levels: Mapping[fx.Node, int], loop: list[fx.Node]) -> None:
        self.levels, self.inside = levels, set(loop)
        self.fields = {n: k for k, n in enumerate(traced.states)}
        self.cuts = cut_points(traced, loop)
        self.matrices: list[fx.Node] = []
        self.vectors: list[fx.Node] = []
        self.sequences: list[fx.Node] = []
        self.rows: list[fx.Node] = []
        self.inputs: dict[InputSource, Node] = {}
        self.known: dict[tuple[fx.Node, int, int], Any] = {}

    def nodes(self, value: fx.Node) -> list[Node]:
        """The pieces of a whole value, in order, each a node of its full width."""
        borders = [0, *sorted(self.cuts.get(value, ())), width_of(value)]
        return [
            full_width(self.piece(value, lo, hi), hi - lo, value) for lo, hi in pairwise(borders)
        ]

    def piece(self, value: fx.Node, lo: int, hi: int) -> Any:
        """Columns lo..hi of a value, cut no further: a node, or a number."""
        key = (value, lo, hi)
        if key not in self.known:
            self.known[key] = (
                self.computed(value, lo, hi) if value in self.inside else self.given(value, lo, hi)
            )
        return self.known[key]

    def computed(self, value: fx.Node, lo: int, hi: int) -> Any:
        """A piece of what the loop computes.

        Raises:
            Unplannable: where the step sums over the batch, or multiplies by what is no parameter.
        """
        kind, line = kind_of(value), value.meta["line"]
        args: Any = value.args
        if kind == "constant":
            return constant_of(value)
        if kind in ("slice", "getitem"):
            whole, start, _ = slice_of(value)
            return self.piece(whole, start + lo, start + hi)
        if kind == "cat":
            for part in args[0]:
                if lo < width_of(part):
                    return self.piece(part, lo, hi)
                lo, hi = lo - width_of(part), hi - width_of(part)
        if kind == "same":
            return self.operand(args[0], lo, hi, width_of(value))
        if kind == "sum":
            if not sums_last_axis(value):
                raise Unplannable("it sums over the batch inside the loop", line)
            parts = self.nodes(args[0])
            blocks = tuple(Block(-1, (0, 1), (0, p.width)) for p in parts)
            return Node("product", tuple(parts), 1, True, parts[0].dtype, line, blocks)
        if kind == "product":
            return self.product(value, lo, hi)
        operands = [
            self.operand(a, lo, hi, width_of(value)) if isinstance(a, fx.Node) else a
            for a in elementwise_args(value)
        ]
        return elementwise(value, operands)

    def operand(self, value: fx.Node, lo: int, hi: int, width: int) -> Any:
        """A piece of an operand: of a single column, which goes with any width, all of it."""
        if width_of(value) == 1 and width > 1:
            return self.piece(value, 0, 1)
        return self.piece(value, lo, hi)

    def product(self, value: fx.Node, lo: int, hi: int) -> Node:
        """Columns lo..hi of a product: its left side in pieces, each with its block.

        Raises:
            Unplannable: where the right side does not depend on parameters alone.
        """
        args: Any = value.args
        left, right = args
        if self.levels[right] != ONCE:
            raise Unplannable(
                "it multiplies by a matrix that is not a parameter inside the loop",
                value.meta["line"],
            )
        pieces, blocks, start = self.nodes(left), [], 0
        for piece in pieces:
            blocks.append(self.block(right, (start, start + piece.width), (lo, hi)))
            start += piece.width
        return Node(
            "product", tuple(pieces), hi - lo, True, value.meta["val"].dtype, value.meta["line"],
            tuple(blocks),
        )  # fmt: skip

    def block(self, right: fx.Node, k: tuple[int, int], n: tuple[int, int]) -> Block:
        """Part [k, n] of a right-hand matrix, as a block of the matrix that it is a view of."""
        flipped = False
        while right.op == "call_function":
            if name_of(right) in TRANSPOSES:
                right, flipped, k, n = right.args[0], not flipped, n, k  # type: ignore[assignment]
            elif is_part(right):
                axis, whole, lo = axis_slice(right)
                if whole is None:
                    break
                right = whole
                k = (k[0] + lo, k[1] + lo) if axis == 0 else k
                n = (n[0] + lo, n[1] + lo) if axis == 1 else n
            else:
                break
        if right not in self.matrices:
            self.matrices.append(right)
        # k, n are now rows and columns of the matrix itself
        return Block(self.matrices.index(right), k, n, transposed=not flipped)

    def given(self, value: fx.Node, lo: int, hi: int) -> Any:
        """A piece of what the loop reads but does not compute.

        Raises:
            Unplannable: for a matrix of parameters that is added to rows.
        """
        if value in self.fields:
            return self.input(InputSource("state", self.fields[value], lo), hi - lo, value, True)
        while value.op == "call_function" and is_part(value):  # look through views
            axis, whole, start = axis_slice(value)
            columns = axis == value.meta["val"].dim() - 1
            if whole is None or not columns:
                break
            value, lo, hi = whole, lo + start, hi + start
            if value in self.inside:
                break
        if is_constant(value):
            return constant_of(value)
        level = self.levels[value]
        if level == STATE:  # x itself, where nothing is hoisted
            level = BEFORE
        kind, values = {
            ONCE: ("vector", self.vectors),
            SEQUENCE: ("sequence", self.sequences),
            BEFORE: ("rows", self.rows),
        }[level]
        val = value.meta["val"]
        if level == ONCE and val.dim() == 2 and val.shape[0] != 1:
            raise Unplannable(
                "it adds a matrix of parameters to the rows of a batch", line_of(value)
            )
        if value not in values:
            values.append(value)
        return self.input(InputSource(kind, values.index(value), lo), hi - lo, value, level != ONCE)

    def input(self, source: InputSource, width: int, value: fx.Node, rows: bool) -> Node:
        """The node that reads a value from its source, one for each source.

        Raises:
            Unplannable: for a value of more than two axes.
        """
        val = value.meta["val"]
        if val.dim() > 2:
            raise Unplannable("it reads values of more than two axes in the loop", line_of(value))
        if source not in self.inputs:
            self.inputs[source] = Node(
                "input", (), width, rows, val.dtype, line_of(value), source=source
            )
        return self.inputs[source]


def full_width(piece: Any, width: int, value: fx.Node) -> Node:
    """A piece as a node of its full width: numbers are filled in, columns are widened."""
    if not isinstance(piece, Node):
        dtype = value.meta["val"].dtype
        return Node("constant", (piece,), width, True, dtype, value.meta["line"])
    state = piece.source is not None and piece.source.kind == "state"
    if piece.width == width and (state or (piece.rows and piece.op != "input")):
        return piece
    return Node("clone", (piece,), width, True, piece.dtype, piece.line)
