"""The loss of a window of a stream, whose gradient is truncated or scaled at borders inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.data.stream import TokenBatch

# takes x, y, the state before them and where y counts; returns the summed loss and the state after them
WindowLoss = Callable[[Tensor, Tensor, State | None, Tensor | None], tuple[Tensor, State]]


def window_loss(
    loss: WindowLoss, batch: TokenBatch, state: State | None
) -> tuple[Tensor, State | None]:
    """The loss of the window of a batch, piece by piece, and the state in which the next one begins.

    Args:
        loss: the loss of one piece, summed over its targets.
        batch: x and y [T, B], with a window whose pieces cover T.
        state: before the window, without a gradient. None: the start of a stream.

    Returns:
        The summed loss, a scalar, and the state to carry.

    Raises:
        RuntimeError: where the window has no piece.
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
            state = map_state(lambda s, by=scale: scale_gradient(s, by), state)
        weight = None if batch.weight is None else batch.weight[rows]
        value, state = loss(batch.x[rows], batch.y[rows], state, weight)
        total = value if total is None else total + value
        if k + 1 == window.carry:
            carried = state
    if total is None:
        raise RuntimeError("A window has at least one piece.")
    return total, carried


class ScaledGradient(torch.autograd.Function):
    """The identity; its gradient is multiplied by a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        """The same numbers: x of any shape `[*]` -> `[*]`."""
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """The gradient `[*]`, multiplied by the scale, and None for the scale."""
        return gradient * ctx.scale, None


def scale_gradient(x: Tensor, scale: float) -> Tensor:
    """The same numbers `[*]`; the gradient that goes back through them is multiplied by `scale`."""
    if scale == 1 or not x.is_floating_point():
        return x
    result: Tensor = ScaledGradient.apply(x, scale)
    return result
