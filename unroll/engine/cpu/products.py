"""Products of few rows in a kernel of our own: for these a library takes longer to begin."""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.engine import products
from unroll.engine.cpu.emit import REALS
from unroll.engine.cpu.library import library

# More terms a sum, or more multiplications, are the library's, which packs its operands. 64 terms
# are twice as fast here, 256 as fast (Zen 5, one thread).
TERMS = 256
LARGE = 1 << 23


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """a [N, K] @ b [K, n] + bias [n]: [N, n], without gradients."""
    if bias is None and suits(a, b):
        return small(a, b)
    return products.product(a, b, bias)


def over_rows(left: Tensor, right: Tensor) -> Tensor:
    """left.T @ right, [n, K] of [N, n] and [N, K], without gradients."""
    turned = left.t()
    return small(turned, right) if suits(turned, right) else products.over_rows(left, right)


def suits(a: Tensor, b: Tensor) -> bool:
    """Whether the kernel below is the faster one for a [N, K] and b [K, n], and may read these."""
    (rows, terms), columns = a.shape, b.shape[1]
    return (
        terms <= TERMS
        and rows * terms * columns <= LARGE
        and b.dtype in REALS
        and (b.stride(1) == 1 or columns == 1)
    )


def small(a: Tensor, b: Tensor) -> Tensor:
    """a [N, K] @ b [K, n]: [N, n], of b's rows in one piece each.

    Raises:
        RuntimeError: for operands that do not fit together.
    """
    (rows, terms), (others, columns) = a.shape, b.shape
    if terms != others or a.dtype != b.dtype or not (a.is_cpu and b.is_cpu):
        raise RuntimeError(
            f"A product was given {a.dtype} {list(a.shape)} and {b.dtype} {list(b.shape)}."
        )
    out = torch.empty(rows, columns, dtype=b.dtype, device="cpu")
    of_row, of_term = a.stride()
    library(b.dtype).unroll_product(
        a.data_ptr(), of_row, of_term, b.data_ptr(), b.stride(0), out.data_ptr(), columns,
        rows, terms, columns,
    )  # fmt: skip
    return out
