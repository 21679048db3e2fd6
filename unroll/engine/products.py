"""The large products of all steps together: x @ matrix + bias, through the fastest library."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# the overload itself: finding it again costs a few microseconds a call
_onednn = getattr(getattr(torch.ops.mkldnn, "_linear_pointwise", None), "default", None)


# multiplications from which on it is the faster one; it takes 20 microseconds to begin
WORTH = 1 << 20


def linear(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """x [N, K] @ matrix [K, n] + bias [n], with gradients."""
    if torch.is_grad_enabled() and any(
        t is not None and t.requires_grad for t in (x, matrix, bias)
    ):
        return _Linear.apply(x, matrix, bias)
    return product(x, matrix, bias)


def product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same without gradients: x [N, K] @ matrix [K, n] + bias [n].

    oneDNN's product is about twice as fast as MKL's on AMD processors and never slower here.
    """
    if (
        x.dtype == torch.float32
        and _onednn is not None
        and x.is_cpu
        and len(x) * matrix.numel() >= WORTH
        and torch._C._has_mkldnn
        and torch.backends.mkldnn.enabled
    ):
        weight = matrix.t()
        if not (weight.is_contiguous() or matrix.is_contiguous()):
            weight = weight.contiguous()  # of part of a matrix, it takes a thousand times longer
        result: Tensor = _onednn(x, weight, bias, "none", [], "")
        return result
    return x @ matrix if bias is None else torch.addmm(bias, x, matrix)


ROWS = 1 << 13  # of a product over rows at once: the library copies what it turns


def over_rows(left: Tensor, right: Tensor) -> Tensor:
    """left.T @ right, [n, K] of [N, n] and [N, K], without gradients and without large copies."""
    total = product(left[:ROWS].contiguous().t(), right[:ROWS])
    if len(left) > ROWS:
        for a, b in zip(left[ROWS:].split(ROWS), right[ROWS:].split(ROWS), strict=True):
            total += product(a.contiguous().t(), b)
    return total


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        """As `product`: x [N, K], matrix [K, n], bias [n] or None -> [N, n]."""
        ctx.save_for_backward(x, matrix)
        return product(x, matrix, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Gradients of x, of the matrix and of the bias, of the gradient [N, n] of the product."""
        x, matrix = ctx.saved_tensors
        of_x, of_matrix, of_bias = ctx.needs_input_grad
        multiply, outer = product, over_rows
        if torch.is_grad_enabled():  # a second derivative is wanted
            multiply, outer = torch.mm, lambda a, b: a.t() @ b  # type: ignore[assignment]
        return (
            multiply(gradient, matrix.t()) if of_x else None,
            # as [n, K] first, the layout of the weight that the matrix is a view of
            outer(gradient, x).t() if of_matrix else None,
            gradient.sum(0) if of_bias else None,
        )
