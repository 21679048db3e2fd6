"""The gradients that do not feed the recurrence: each in large products, after the loop.

N rows of all steps together.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unroll.engine.compiler.nodes import Node, ancestors, evaluate
from unroll.engine.compiler.program import Buffer, Merged, Sum
from unroll.engine.products import ROWS
from unroll.engine.runtime.executor import Executor
from unroll.engine.runtime.geometry import Geometry
from unroll.engine.runtime.recipe import Recipe
from unroll.engine.runtime.storage import empty_rows


class DeferredGradients:
    """The deferred gradients: each over all rows at once."""

    def __init__(
        self,
        recipe: Recipe,
        where: Geometry,
        executor: Executor,
        tensors: Mapping[str, Tensor],
        given: Mapping[str, list[Tensor]],
    ) -> None:
        self.recipe, self.where, self.tensors, self.given = recipe, where, tensors, given
        self.executor = executor
        self.previous: dict[int, Tensor] = {}

    def value(self, node: Node, rows: slice = slice(None)) -> Tensor:
        """A value over all rows, [N, w], or some of them."""
        at_hand = self.at_hand(node)
        if at_hand is not None:
            return at_hand[rows] if node.rows else at_hand
        needed: dict[Node, Tensor] = {}
        stack = [node]
        while stack:
            n = stack.pop()
            if n in needed:
                continue
            got = self.at_hand(n)
            if got is None:
                stack.extend(n.operands)
            else:
                needed[n] = got[rows] if n.rows else got
        blocks = {b for n in ancestors([node], needed.__contains__) for b in n.blocks}
        parts = {b: b.of(self.given["matrix"]) for b in blocks if b.matrix >= 0}
        (result,) = evaluate([node], needed, parts, self.executor.product)
        return result

    def at_hand(self, node: Node) -> Tensor | None:
        """A value over all rows that is kept, saved or given, or None."""
        buffer = self.recipe.kept.get(node) or self.recipe.saved.get(node)
        if buffer is not None:
            return self.columns(buffer.tensor, buffer.lo, buffer.width, buffer.time)
        if node.source is not None:
            return self.source(node)
        return None

    def columns(self, tensor: str, lo: int, width: int, time: str) -> Tensor:
        """Columns of a tensor of the loop, over all rows."""
        whole = self.tensors[tensor]
        if time == "next":
            whole = whole[self.where.first :][: self.where.N]
        return whole[:, lo : lo + width]

    def source(self, node: Node) -> Tensor:
        """What an input reads, over all rows: [N, w], or [w] of a vector.

        Raises:
            RuntimeError: where the node is not an input.
        """
        source = node.source
        if source is None:
            raise RuntimeError("Only inputs have sources.")
        lo, hi = source.lo, source.lo + node.width
        if source.kind == "state":
            return self.before(source.index)[:, lo:hi]
        if source.kind == "vector":
            return self.given["vector"][source.index][lo:hi]
        if source.kind == "sequence":
            return self.of_rows(self.given["sequence"][source.index])[:, lo:hi]
        return self.tensors[f"{source.kind}:{source.index}"][:, lo:hi]

    def of_rows(self, values: Tensor) -> Tensor:
        """A value of each sequence, [R, w], for each of its rows, [N, w]."""
        if self.where.batch_row is None:
            return self.where.of_rows(values)
        return values.index_select(0, self.where.owner)

    def before(self, k: int) -> Tensor:
        """The state before every row's step, [N, w]."""
        if k not in self.previous:
            kept, where = self.tensors[f"state:{k}"], self.where
            if where.before_row is not None:
                self.previous[k] = kept.index_select(0, where.before_row)
            else:
                first = where.R - where.first
                self.previous[k] = kept[first:][: where.N]
        return self.previous[k]

    def matrix(self, k: int) -> Tensor:
        """The gradient of matrix k, in large products."""
        whole = self.given["matrix"][k]
        merged = self.recipe.merged[k]
        if len(merged) == 1 and merged[0].covers(whole.shape):
            return self.outer(merged[0])
        gradient = torch.zeros_like(whole, memory_format=torch.contiguous_format)
        for m in merged:
            gradient[slice(*m.rows), slice(*m.columns)] += self.outer(m)
        return gradient

    def outer(self, merged: Merged) -> Tensor:
        """left.T @ right, some rows at a time so that what is computed for it stays small.

        Raises:
            RuntimeError: where there was no part; there always is one.
        """
        total: Tensor | None = None
        for first in range(0, max(self.where.N, 1), ROWS):
            rows = slice(first, first + ROWS)
            part = self.executor.over_rows(
                self.side(merged.left, rows), self.side(merged.right, rows)
            )
            total = part if total is None else total.add_(part)
        if total is None:
            raise RuntimeError("There is always a first part.")
        return total

    def side(self, side: Node | Buffer, rows: slice) -> Tensor:
        """One side of a weight gradient, over these rows."""
        if isinstance(side, Node):
            return self.value(side, rows)
        return self.columns(side.tensor, side.lo, side.width, side.time)[rows]

    def vector(self, k: int) -> Tensor:
        """The gradient of vector k."""
        whole = self.given["vector"][k]
        parts = self.recipe.sums[k]
        if len(parts) == 1 and parts[0].width == len(whole):
            return self.sum(parts[0])
        gradient = torch.zeros_like(whole)
        for part in parts:
            gradient[part.lo : part.lo + part.width] += self.sum(part)
        return gradient

    def sum(self, part: Sum) -> Tensor:
        """The sum of a part of a vector's gradient over rows."""
        if isinstance(part.of, Node):  # a gradient is a sum over rows, so some at a time will do
            starts = range(0, max(self.where.N, 1), ROWS)
            parts = [self.value(part.of, slice(r, r + ROWS)).reshape(-1) for r in starts]
            return parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
        return self.columns(part.of.tensor, part.of.lo, part.of.width, part.of.time).sum(0)

    def rows(self, kind: str, k: int) -> Tensor:
        """The gradient of what was hoisted, for every row."""
        fused = self.tensors.get(f"d_{kind}:{k}")
        deferred = {
            s: n for s, n in self.recipe.deferred.items() if s.kind == kind and s.index == k
        }
        if fused is not None and not deferred:
            return fused
        if fused is None:
            like = self.given["state"][0]
            fused = empty_rows(self.recipe, f"{kind}:{k}", self.where.N, like).zero_()
        gradient = fused
        for source, node in deferred.items():
            width = self.recipe.inputs[source].width
            gradient[:, source.lo : source.lo + width] = self.value(node)
        return gradient
