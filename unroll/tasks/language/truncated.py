"""The loss of a window of a stream, whose gradient is cut or made larger inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.data.stream import Batch

# of x, y, the state before them and where y counts: the summed loss and the state after them
Loss = Callable[[Tensor, Tensor, State | None, Tensor | None], tuple[Tensor, State]]


def window_loss(loss: Loss, batch: Batch, state: State | None) -> tuple[Tensor, State | None]:
    """The summed loss of a batch's window, piece by piece, and the state that the next begins in.

    state: at the start of the window, without a gradient; None: the start of a stream.
    """
    window = batch.window
    if window is None:
        return loss(batch.x, batch.y, state, batch.weight)
    total: Tensor | None = None
    carried: State | None = None
    at = 0
    for k, (steps, scale) in enumerate(zip(window.blocks, window.scales, strict=True)):
        rows = slice(at, at + steps)
        at += steps
        if k:
            state = map_state(lambda s, by=scale: scaled(s, by), state)
        weight = None if batch.weight is None else batch.weight[rows]
        value, state = loss(batch.x[rows], batch.y[rows], state, weight)
        total = value if total is None else total + value
        if k + 1 == window.carry:
            carried = state
    if total is None:
        raise RuntimeError("A window has at least one piece.")
    return total, carried


class Scaled(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient * ctx.scale, None


def scaled(x: Tensor, scale: float) -> Tensor:
    """The same numbers, back into which a gradient goes multiplied by `scale`."""
    if scale == 1 or not x.is_floating_point():
        return x
    result: Tensor = Scaled.apply(x, scale)
    return result
