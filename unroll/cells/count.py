"""The number of parameters of a cell, as a formula in its sizes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import torch

from unroll.cells.cell import Cell

# sizes that heads, modules and blocks divide
SIZES = [(I, H) for I, H in product((24, 48), (32, 64, 128))]
TERMS = ("I", "H", "", "I/H", "1/H")


def parameters_per_unit(make: Callable[[int, int], Cell]) -> dict[str, str]:
    """The number of parameters per unit, as formulas in I inputs and H units.

    A matrix [4H, I] has 4 I parameters per unit.

    Returns:
        The formula under "trained", and under "fixed" one for parameters that are not trained and
        for buffers, where there are any.

    Raises:
        ValueError: no such formula fits.
    """
    counts = [count_parameters(make(*size)) for size in SIZES]
    found = {}
    for which, numbers in zip(("trained", "fixed"), zip(*counts, strict=True), strict=True):
        if any(numbers) or which == "trained":
            found[which] = formula(numbers)
    return found


def count_parameters(cell: Cell) -> tuple[int, int]:
    """The number of trained and of fixed parameters of a cell; buffers are fixed."""
    trained = sum(p.numel() for p in cell.parameters() if p.requires_grad)
    fixed = sum(p.numel() for p in cell.parameters() if not p.requires_grad)
    return trained, fixed + sum(b.numel() for b in cell.buffers() if b.is_floating_point())


def formula(numbers: tuple[int, ...]) -> str:
    """The formula of these counts, one for each of SIZES, per unit: a sum of TERMS.

    Args:
        numbers: the counts of parameters, one for each (I, H) of SIZES, in their order.

    Returns:
        The sum as text, such as "4 I + 4 H + 8"; "0" where all factors are zero.

    Raises:
        ValueError: where a count is not exactly what the fitted formula gives for its sizes.
    """
    rows = [[I, H, 1, I / H, 1 / H] for I, H in SIZES]
    A = torch.tensor(rows, dtype=torch.float64)
    b = torch.tensor([n / H for n, (_, H) in zip(numbers, SIZES, strict=True)], dtype=torch.float64)
    found = torch.linalg.lstsq(A, b).solution
    factors = [Fraction(float(f)).limit_denominator(64) for f in found]
    for (I, H), n in zip(SIZES, numbers, strict=True):
        if n != sum(f * t for f, t in zip(factors, (I * H, H * H, H, I, 1), strict=True)):
            raise ValueError(f"{n} numbers at input_size={I} and hidden_size={H} follow no formula")
    terms = [term(factor, letter) for factor, letter in zip(factors, TERMS, strict=True) if factor]
    return " + ".join(terms).replace("+ -", "- ") or "0"


def term(factor: Fraction, letter: str) -> str:
    """A factor and its letter as text: 4 I, H, 8, I / H, 5/8 H."""
    if letter.endswith("/H"):
        top = "" if letter == "1/H" else "I"
        number = "" if factor == 1 and top else str(factor)
        return f"{number} {top}".strip() + " / H"
    return str(factor) if not letter else letter if factor == 1 else f"{factor} {letter}"
