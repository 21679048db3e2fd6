"""Gradients of gradients: the recurrent part once more, step by step, by autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unroll.engine.compiler.nodes import Block, Node, ancestors, evaluate
from unroll.engine.runtime.geometry import Geometry
from unroll.engine.runtime.recipe import Recipe
from unroll.engine.runtime.storage import inputs_by_kind, read_rows


def differentiable_gradients(
    recipe: Recipe,
    where: Geometry,
    inputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the loop once more, step by step.

    Args:
        recipe: the plan of the cell.
        where: the row numbers of the call.
        inputs: what the loop is given: states [R, w], matrices, vectors [w], and further values of
            each sequence [R, w] and of each row [N, w]; see `inputs_by_kind`.
        gradients: of the emitted values [N, w], then of the final states [R, w]; None for zero.
        wanted: of each input, whether its gradient is wanted.

    Returns:
        Of each input its gradient, of the input's shape, or None where it is not wanted.
    """
    # one input may have been made of another; through these views the gradients stay apart
    inputs = [t if t is None else t.view_as(t) for t in inputs]
    given = inputs_by_kind(recipe, inputs)
    read_rows(recipe, given, lambda x, m, b: x @ m if b is None else x @ m + b)
    states, emitted = list(given["state"]), []
    blocks = {b for atoms in (*recipe.new_states, *recipe.emits) for b in blocks_of(atoms)}
    parts = {b: b.of(given["matrix"]) for b in blocks}
    finals: list[list[Tensor]] = [[] for _ in states]
    for s in range(where.steps):
        n, at = int(where.counts[s]), int(where.offset[s])
        for k, state in enumerate(states):  # sequences that have ended keep their state
            finals[k].insert(0, state[n:])
            states[k] = state[:n]
        values = {}
        for source, node in recipe.inputs.items():
            lo, hi = source.lo, source.lo + node.width
            if source.kind == "vector":
                values[node] = given["vector"][source.index][lo:hi]
            else:
                if source.kind == "state":
                    whole = states[source.index]
                elif source.kind == "rows":
                    whole = given["rows"][source.index][at : at + n]
                else:
                    whole = given["sequence"][source.index][:n]
                values[node] = whole[:, lo:hi]
        rows = [*recipe.new_states, *recipe.emits]
        atoms = iter(evaluate([a for row in rows for a in row], values, parts))
        new = [torch.cat([next(atoms).expand(n, a.width) for a in row], 1) for row in rows]
        states = new[: len(states)]
        emitted.append(new[len(states) :])
    outputs = []
    if where.steps and int(where.offset[0]) > 0:  # read from the end
        emitted.reverse()
    for k in range(len(recipe.emits)):
        width = recipe.widths[f"emit:{k}"]
        outputs.append(torch.cat([states[0].new_zeros(0, width), *(e[k] for e in emitted)]))
    outputs += [torch.cat([s, *rest]) for s, rest in zip(states, finals, strict=True)]
    pairs = [
        (o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad
    ]
    chosen = [t for t, w in zip(inputs, wanted, strict=True) if w]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in pairs], chosen, [g for _, g in pairs], create_graph=True,
            allow_unused=True,
        )
    )  # fmt: skip
    return [
        (found_or_zero(next(found), t) if w else None) for t, w in zip(inputs, wanted, strict=True)
    ]


def found_or_zero(gradient: Tensor | None, like: Tensor) -> Tensor:
    """A gradient `[*]`, or zeros of the shape of `like` where there is none."""
    return torch.zeros_like(like) if gradient is None else gradient


def blocks_of(atoms: Sequence[Node]) -> set[Block]:
    """The blocks of matrices that these nodes are made of."""
    return {b for n in ancestors(atoms) for b in n.blocks if b.matrix >= 0}
