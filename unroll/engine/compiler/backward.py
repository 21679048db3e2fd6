"""The backward half of a plan: its program, what is saved for it, and what is deferred."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unroll.engine.compiler.defer import Deferral
from unroll.engine.compiler.gradient import StepGradient
from unroll.engine.compiler.nodes import InputSource, Node
from unroll.engine.compiler.program import Buffer, Merged, Outer, Program, Sum, load_of
from unroll.engine.compiler.save import Saved
from unroll.engine.compiler.stage import schedule


@dataclass(frozen=True)
class Backward:
    """The backward half of a plan.

    Attributes:
        program: the stages of the backward loop.
        saved: the values that the forward saves, and where.
        outers: the weight gradients, left.T @ right over all rows.
        merged: the same by the number of their matrix, those with a common right side as one.
        sums: the gradients of vectors by their number, sums over rows.
        deferred: the gradients of sources that are computed after the loop.
        kept: the values of the backward loop that what is deferred reads, and where.
        rows_saved: whether the backward reads what was hoisted over the inputs.
    """

    program: Program
    saved: dict[Node, Buffer]
    outers: list[Outer]
    merged: dict[int, list[Merged]]
    sums: dict[int, list[Sum]]
    deferred: dict[InputSource, Node]
    kept: dict[Node, Buffer]
    rows_saved: bool


def backward_half(gradient: StepGradient, deferral: Deferral, saved: Saved) -> Backward:
    """The backward half of a plan, from what is in its loop and what is saved for it."""
    loop = gradient.loop
    loads = {n: load_of(s, n) for s, n in loop.inputs.items()}
    loads |= {n: load_of(n.source, n) for n in gradient.incoming if n.source is not None}
    loads |= saved.buffers
    program = schedule(deferral.stores, loads)
    groups = [group for stage in program.stages for group in stage]
    read = {a for group in groups for n in group.body for a in n.operands}
    read |= {a for group in groups for products in group.products for a in products[0].operands}
    read |= set(deferral.after)
    return Backward(
        program=program,
        saved=saved.buffers,
        outers=deferral.outers,
        merged={k: merged_outers(deferral, k) for k in range(len(loop.matrices))},
        sums={k: vector_sums(gradient, deferral, k) for k in range(len(loop.vectors))},
        deferred=deferral.deferred,
        kept=deferral.kept,
        rows_saved=any(n.source is not None and n.source.kind == "rows" for n in read),
    )


def vector_sums(gradient: StepGradient, deferral: Deferral, vector: int) -> list[Sum]:
    """The gradients of a vector's pieces; sums over rows that lie side by side are one sum."""
    found: list[Sum] = []
    pieces = [s for s in deferral.deferred if s.kind == "vector" and s.index == vector]
    for source in sorted(pieces, key=lambda s: s.lo):
        node, width = deferral.deferred[source], gradient.loop.inputs[source].width
        kept = deferral.kept.get(node.operands[0]) if node.op == "sum_rows" else None
        last = found[-1] if found else None
        if kept is not None and last is not None and isinstance(last.of, Buffer):
            end = last.of.lo + last.of.width
            if (last.of.tensor, end, last.lo + last.width) == (kept.tensor, kept.lo, source.lo):
                wide = replace(last.of, width=last.of.width + width)
                found[-1] = Sum(last.lo, last.width + width, wide)
                continue
        found.append(Sum(source.lo, width, node if kept is None else kept))
    return found


def merged_outers(deferral: Deferral, matrix: int) -> list[Merged]:
    """The weight gradients of a matrix, those with a common right side in one product."""
    found: list[Merged] = []
    for o in (o for o in deferral.outers if o.block.matrix == matrix):
        kept = deferral.kept.get(o.left)
        left: Node | Buffer = o.left if kept is None else kept
        if found and isinstance(left, Buffer):
            last = found[-1]
            before = last.left
            if (
                isinstance(before, Buffer)
                and last.right is o.right
                and last.columns == o.block.columns
                and last.rows[1] == o.block.rows[0]
                and before.tensor == left.tensor
                and before.lo + before.width == left.lo
            ):
                wide = replace(before, width=before.width + left.width)
                rows = (last.rows[0], o.block.rows[1])
                found[-1] = Merged(wide, o.right, rows, last.columns)
                continue
        found.append(Merged(left, o.right, o.block.rows, o.block.columns))
    return found
