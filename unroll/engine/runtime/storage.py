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


def split(recipe: Recipe, inputs: Sequence[Tensor | None]) -> dict[str, list[Any]]:
    """The inputs of the loop by kind; "read" are x and what it is multiplied with."""
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
    """Fill in what is read from x, in one product each."""
    if recipe.reads is not None:
        x, *parts = given["read"]
        given["rows"] = [
            multiply(x, parts[2 * k].t() if read.turned else parts[2 * k], parts[2 * k + 1])
            for k, read in enumerate(recipe.reads)
        ]


def named(given: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
    return {
        f"{kind}:{k}": t.reshape(1, -1) if kind == "vector" else readable_rows(t)
        for kind in ("vector", "sequence", "rows")
        for k, t in enumerate(given.get(kind, ()))
    }


def empty(recipe: Recipe, name: str, rows: int, like: Tensor) -> Tensor:
    return torch.empty(rows, recipe.widths[name], dtype=recipe.dtypes[name], device=like.device)


def scratch(program: Program, tensors: dict[str, Tensor], R: int, like: Tensor) -> None:
    for name, (width, dtype) in program.scratch.items():
        tensors[name] = torch.empty(R, width, dtype=dtype, device=like.device)


def readable(gradient: Tensor | None, rows: int, width: int, like: Tensor) -> Tensor:
    """A gradient whose rows lie in one piece each; a constant one is not written out."""
    if gradient is None:
        return like.new_zeros(1, width).expand(rows, width)
    return readable_rows(gradient)


def readable_rows(t: Tensor) -> Tensor:
    t = plain(t)
    if t.stride(1) == 1 or t.shape[1] == 1:
        return t
    if t.stride(0) == 0 and t.shape[0] > 0:
        return t[:1].contiguous().expand(t.shape)
    return t.contiguous()


def plain(value: Tensor) -> Tensor:
    """A view that only says that its numbers are negated has other numbers in memory."""
    return value.resolve_neg() if value.is_neg() else value


def flat(value: Tensor, rows: int) -> Tensor:
    return value.reshape(rows, -1) if rows else value.reshape(0, value[0:0].numel() or width(value))


def width(value: Tensor) -> int:
    return value.shape[1:].numel()
