"""What a traced step is taken apart into: torch's core operations, and those that this file adds."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions, get_decompositions

aten = torch.ops.aten

Axes = list[int] | tuple[int, ...]


@functools.cache
def decompositions() -> dict[Any, Any]:
    """What is taken apart before planning: torch's core set, and layer norm with its means."""
    table = dict(core_aten_decompositions())
    table.pop(aten.detach.default, None)  # it would become a plain copy
    table.update(
        get_decompositions(
            [
                aten.native_layer_norm,
                aten.native_layer_norm_backward,
                aten.addmm,
                aten._softmax,
                aten._softmax_backward_data,
                aten._log_softmax,
                aten._log_softmax_backward_data,
                aten.elu,
                aten.gelu,
                aten.hardtanh,
                aten.leaky_relu,
                aten.std,
            ]
        )
    )
    table[aten.mean.dim] = mean
    table[aten.mean.default] = lambda x, **keywords: mean(x, None, **keywords)
    table[aten.linalg_vector_norm.default] = vector_norm
    table[aten.add.Tensor] = functools.partial(sum_with_factor, torch.add)
    table[aten.sub.Tensor] = functools.partial(sum_with_factor, torch.sub)
    table[aten.roll.default] = rolled_columns
    table[aten.constant_pad_nd.default] = padded_columns
    table[aten.repeat.default] = repeated_columns
    table[aten.var.correction] = variance
    table[aten.var_mean.correction] = lambda x, dim=None, **keywords: (
        variance(x, dim, **keywords),
        mean(x, dim, keywords.get("keepdim", False)),
    )
    return table


def mean(x: Tensor, dim: Axes | None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """torch.mean by its definition, in sums: x `[*]` without the axes `dim`, or with them as 1."""
    x = x if dtype is None else x.to(dtype)
    return x.sum(dim, keepdim) / elements(x, dim)


def elements(x: Tensor, dim: Axes | None) -> int:
    """How many numbers of x `[*]` lie along these axes; None for all axes."""
    count = 1
    for axis in range(x.dim()) if dim is None else dim:
        count *= x.shape[axis]
    return count


def variance(
    x: Tensor,
    dim: Axes | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> Tensor:
    """torch.var by its definition, in sums: x `[*]` without the axes `dim`, or with them as 1."""
    deviation = x - mean(x, dim, True)
    free = elements(x, dim) - (1 if correction is None else correction)
    return (deviation * deviation).sum(dim, keepdim) / free


def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Axes | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Tensor:
    """The 1-norm or 2-norm in sums: x `[*]` without the axes `dim`, or with them as 1.

    The gradient of the 2-norm at zero is zero, as torch's is.
    """
    if ord not in (1, 2) or dtype is not None:
        return NotImplemented
    axes = list(range(x.dim())) if dim is None else list(dim)
    if ord == 1:
        return x.abs().sum(axes, keepdim)
    square = (x * x).sum(axes, keepdim)
    none = square == 0
    return torch.where(none, square, torch.where(none, 1.0, square).sqrt())


def sum_with_factor(function: Any, x: Any, y: Any, *, alpha: Any = 1) -> Any:
    """x + alpha y or x - alpha y as a product and a sum; `function` is torch.add or torch.sub."""
    return NotImplemented if alpha == 1 else function(x, y * alpha)


def rolled_columns(x: Tensor, shifts: Sequence[int], dims: Axes = ()) -> Tensor:
    """torch.roll of the columns of x [B, n] as two slices."""
    if x.dim() != 2 or [d % 2 for d in dims] != [1] or not shifts[0] % x.shape[1]:
        return NotImplemented
    start = x.shape[1] - shifts[0] % x.shape[1]
    return torch.cat([x[:, start:], x[:, :start]], 1)


def padded_columns(x: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """Columns of x [B, n] with constant columns before and after them."""
    if x.dim() != 2 or len(pad) != 2 or not x.is_floating_point():
        return NotImplemented
    before, after = pad
    kept = x[:, max(-before, 0) : x.shape[1] - max(-after, 0)]
    sides = [x.new_full((x.shape[0], max(n, 0)), value) for n in (before, after)]
    return torch.cat([part for part in (sides[0], kept, sides[1]) if part.shape[1]], 1)


def repeated_columns(x: Tensor, repeats: Sequence[int]) -> Tensor:
    """The columns of x [B, n] several times, side by side."""
    if x.dim() != 2 or len(repeats) != 2 or repeats[0] != 1 or repeats[1] < 2:
        return NotImplemented
    return torch.cat([x] * repeats[1], 1)
