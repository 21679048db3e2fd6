"""What the recurrent part is given, by kind and by name, and room for what it makes.

N rows of all steps together, R sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unroll.engine.compiler.program import Program
from unroll.engine.runtime.recipe import Recipe


def inputs_by_kind(recipe: Recipe, inputs: Sequence[Tensor | None]) -> dict[str, list[Any]]:
    """The inputs of the loop by kind; "read" are x [N, I] and what it is multiplied with.

    Args:
        recipe: the plan, which says how many there are of each kind.
        inputs: states [R, w], matrices [rows, columns], vectors [w], values of each sequence
            [R, w]; then values of each row [N, w], or x and, for each of them, a matrix
            and a bias or None.
    """
    at, given = 0, {}
    for kind, count in (
        ("state", len(recipe.new_states)),
        ("matrix", len(recipe.matrices)),
        ("vector", len(recipe.vectors)),
        ("sequence", len(recipe.sequences)),
    ):
        given[kind] = list(inputs[at : at + count])
        at += count
    given["rows" if recipe.reads is None else "read"] = list(inputs[at:])
    return given


def read_rows(recipe: Recipe, given: dict[str, list[Any]], multiply: Callable[..., Tensor]) -> None:
    """Fill in what is read from x [N, I], [N, w], in one product each.

    Args:
        recipe: the plan; where it reads no x, nothing is done.
        given: the inputs by kind; "rows" is added.
        multiply: of x [N, I], a matrix [I, w] and a bias [w] or None.
    """
    if recipe.reads is not None:
        x, *parts = given["read"]
        given["rows"] = [
            multiply(x, parts[2 * k].t() if read.turned else parts[2 * k], parts[2 * k + 1])
            for k, read in enumerate(recipe.reads)
        ]


def tensors_by_name(given: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    """What the loop reads, by the names of the plan, with rows that lie in one piece each.

    A vector [w] becomes [1, w]; values of sequences [R, w] and of rows [N, w] keep their shape.
    """
    return {
        f"{kind}:{k}": t.reshape(1, -1) if kind == "vector" else readable_rows(t)
        for kind in ("vector", "sequence", "rows")
        for k, t in enumerate(given.get(kind, ()))
    }


def empty_rows(recipe: Recipe, name: str, rows: int, like: Tensor) -> Tensor:
    """Room for a tensor of the loop, [rows, w]."""
    return torch.empty(rows, recipe.widths[name], dtype=recipe.dtypes[name], device=like.device)


def add_scratch(program: Program, tensors: dict[str, Tensor], R: int, like: Tensor) -> None:
    """Add room for what lives within a step, [R, w] each, on the device of `like`."""
    for name, (width, dtype) in program.scratch.items():
        tensors[name] = torch.empty(R, width, dtype=dtype, device=like.device)


def readable(gradient: Tensor | None, rows: int, width: int, like: Tensor) -> Tensor:
    """A gradient [rows, w] whose rows lie in one piece each; a constant one is not written out.

    None is zeros [rows, width] with the dtype and device of `like`.
    """
    if gradient is None:
        return like.new_zeros(1, width).expand(rows, width)
    return readable_rows(gradient)


def readable_rows(t: Tensor) -> Tensor:
    """A value [rows, w] whose rows lie in one piece each."""
    t = resolved(t)
    if t.stride(1) == 1 or t.shape[1] == 1:
        return t
    if t.stride(0) == 0 and t.shape[0] > 0:
        return t[:1].contiguous().expand(t.shape)
    return t.contiguous()


def resolved(value: Tensor) -> Tensor:
    """A view `[*]` that only says that its numbers are negated has other numbers in memory."""
    return value.resolve_neg() if value.is_neg() else value


def flat_rows(value: Tensor, rows: int) -> Tensor:
    """A value [rows, ...] as [rows, w], also where it has no rows."""
    return value.reshape(rows, -1) if rows else value.reshape(0, row_width(value))


def row_width(value: Tensor) -> int:
    """How many numbers a row of [rows, ...] has."""
    return value.shape[1:].numel()
