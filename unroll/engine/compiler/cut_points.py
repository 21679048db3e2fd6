"""At which columns the values of the loop are cut, so that operands are cut alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.compiler.nodes import ELEMENTWISE
from unroll.engine.compiler.traced import CONSTANTS, Traced, is_part, line_of, name_of, width_of
from unroll.engine.refusal import Unplannable, with_instead

MOST_PIECES = 64  # of one value; more is a loop over columns in disguise

SAME = ("view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "alias", "view_copy")

CutPoints = dict[fx.Node, set[int]]  # of each value, the columns where a new piece begins


def cut_points(traced: Traced, loop: list[fx.Node]) -> CutPoints:
    """The cut points of every value, such that the operands of an operation are cut alike.

    Raises:
        Unplannable: for an operation that the loop does not know, or too many pieces.
    """
    cuts: CutPoints = {}
    ends = list(zip(traced.states, traced.new_states, strict=True))
    watched = [*loop, *traced.states, *traced.new_states]
    changed = True
    while changed:
        changed = False
        for node in watched:
            for whole, part, lo in ties(node):
                changed |= tie(cuts, whole, part, lo)
        for old, new in ends:
            changed |= tie(cuts, old, new, 0)
    return cuts


def ties(node: fx.Node) -> Iterator[tuple[fx.Node, fx.Node, int]]:
    """(whole, part, where the part begins): cuts of the whole are cuts of the part."""
    if node.op != "call_function":
        return
    kind, width = kind_of(node), width_of(node)
    if kind == "slice" or (kind == "getitem" and is_part(node)):
        whole, lo, _ = slice_of(node)
        yield whole, node, lo
    elif kind == "cat":
        lo = 0
        pieces: Any = node.args[0]
        for part in pieces:
            yield node, part, lo
            lo += width_of(part)
    elif kind in ("elementwise", "same"):
        for a in node.all_input_nodes:
            # the number of rows is an operand of a reshape, and no value
            if "val" in a.meta and width_of(a) == width and width > 1:
                yield node, a, 0


def tie(cuts: CutPoints, whole: fx.Node, part: fx.Node, lo: int) -> bool:
    """Give the whole the cuts of its part, and the part those of the whole; true if any is new.

    Raises:
        Unplannable: for more pieces than `MOST_PIECES`.
    """
    a, b = cuts.setdefault(whole, set()), cuts.setdefault(part, set())
    width, total = width_of(part), width_of(whole)
    down = {c - lo for c in a if lo < c < lo + width}
    up = {c for c in (*(c + lo for c in b), lo, lo + width) if 0 < c < total}
    grown = not (down <= b and up <= a)
    b |= down
    a |= up
    if max(len(a), len(b)) > MOST_PIECES:
        raise Unplannable(f"it splits a value into more than {MOST_PIECES} pieces", line_of(part))
    return grown


def kind_of(node: fx.Node) -> str:
    """What an operation is to the loop: "product", "elementwise", "constant", "same", "sum",
    "slice", "getitem", "cat" or a split.

    Raises:
        Unplannable: for an operation that the loop does not know.
    """
    name, line, val = name_of(node), node.meta["line"], node.meta.get("val")
    if isinstance(val, Tensor) and val.dim() > 2:
        raise Unplannable(
            "it makes values of more than two axes in the loop; cut [B, n] with chunk or slices",
            line,
        )
    if name == "mm":
        return "product"
    if name in ELEMENTWISE or name in ("mul", "_to_copy", "masked_fill"):
        return "elementwise"
    if name in CONSTANTS:
        return "constant"
    if name in SAME:
        whole = node.args[0].meta["val"]  # type: ignore[union-attr]
        if isinstance(val, Tensor) and as_rows(whole.shape) == as_rows(val.shape):
            return "same"
        if name == "expand" and width_of(node.args[0]) == 1:  # type: ignore[arg-type]
            return "same"
        raise Unplannable(f"{name} changes the width of a value in the loop", line)
    if name in ("sum", "slice", "split_with_sizes", "split", "getitem", "cat"):
        return name
    if name == "select":
        return "slice"
    raise Unplannable(with_instead(name, f"{name} is not supported inside the loop"), line)


def slice_of(node: fx.Node) -> tuple[fx.Node, int, int]:
    """(of what, from column, to column) of a slice, a selected column or a piece of a split.

    Raises:
        Unplannable: for a slice with a step.
    """
    name = name_of(node)
    args: Any = node.args
    if name == "getitem":
        split, index = args
        pieces = split.meta["val"]
        lo = sum(p.shape[-1] for p in pieces[:index])
        return split.args[0], lo, lo + pieces[index].shape[-1]
    whole, width = args[0], width_of(args[0])
    if name == "select":
        lo = args[2] % width
        return whole, lo, lo + 1
    lo, hi, step = args[2:] + (0, width, 1)[len(args) - 2 :]
    if step != 1:
        raise Unplannable(
            "it slices columns with a step; cut them into halves or other neighbours",
            node.meta["line"],
        )
    lo, hi, _ = slice(lo, hi).indices(width)
    return whole, lo, hi


def as_rows(shape: torch.Size) -> tuple[int, int]:
    """A shape as rows and width: [B] is [B, 1]."""
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], 1
    return shape[0], shape[1:].numel()
