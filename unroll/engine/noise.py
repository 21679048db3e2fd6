"""Drawing the noise that cells declare, before the loop, so that every backend sees the same."""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.cells import Cell


def draw_noise(cell: Cell, x: Tensor) -> dict[str, tuple[str, Tensor]] | None:
    """Each declared noise by name, with whether it is anew each "step", once a "call", or "once".

    x: the inputs [T, B, I]; dtype and device of the noise are x's.
    returns: None where the cell declares no noise; an empty dict in eval mode.
    """
    declared = cell.noise()
    if not declared:
        return None
    if not cell.training:
        return {}
    T, B = x.shape[:2]
    drawn: dict[str, tuple[str, Tensor]] = {}
    for name, noise in declared.items():
        leading = {"step": (T, B), "call": (B,), "once": ()}[noise.each]
        shape = (*leading, *noise.shape)
        if noise.kind == "bernoulli":
            values = torch.bernoulli(x.new_full(shape, noise.keep))
        elif noise.kind == "normal":
            values = torch.randn(shape, dtype=x.dtype, device=x.device)
        else:
            values = torch.rand(shape, dtype=x.dtype, device=x.device)
        drawn[name] = (noise.each, values)
    return drawn


def at_step(
    drawn: dict[str, tuple[str, Tensor]] | None, t: int
) -> tuple[()] | tuple[dict[str, Tensor] | None]:
    """The further arguments of step t: none, or the dict of this step's noise (None in eval)."""
    if drawn is None:
        return ()
    if not drawn:
        return (None,)
    return ({name: v[t] if each == "step" else v for name, (each, v) in drawn.items()},)
