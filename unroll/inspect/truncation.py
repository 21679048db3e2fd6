"""What truncated backpropagation throws away, measured on the gradient of the weights.

With a window of k steps the state before the window counts as a constant. The error is

    |g - g_k| / |g|,   g the exact gradient of all weights, g_k that of the window

T time, B batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unroll.engine import unroll
from unroll.inspect.trajectory import Trajectory

WINDOWS = (1, 5, 10, 35, 100)
WeightGradient = Callable[[int], Tensor | None]


def truncation_errors(
    weight_gradient: WeightGradient, steps: int, windows: Sequence[int] = WINDOWS
) -> dict[int, float]:
    """The error of each window that is shorter than the `steps` of the sequence, by its steps.

    weight_gradient: called with a window, gives dL/dW of all weights in a row, or None where there
    are none. Empty where there is nothing to train, or the exact gradient is zero or overflows.
    """
    exact = weight_gradient(steps)
    length = 0.0 if exact is None else float(exact.norm())
    if exact is None or not 0 < length < math.inf:
        return {}
    found = {}
    for window in windows:
        if window < steps:
            cut = weight_gradient(window)
            found[window] = 1.0 if cut is None else float((exact - cut).norm()) / length
    return found


def cell_weight_gradient(trajectory: Trajectory, at_loss: Tensor) -> WeightGradient:
    """That of one cell. at_loss: dL/d output of the last step, [B, H]."""
    weights = [p for p in trajectory.cell.parameters() if p.requires_grad]

    def through(window: int) -> Tensor | None:
        first = trajectory.steps - window
        output, _ = unroll(
            trajectory.cell, trajectory.x[first:], trajectory.before(first), backend="loop"
        )
        return in_a_row(output[-1], weights, at_loss) if weights else None

    return through


def in_a_row(output: Tensor, weights: Sequence[nn.Parameter], at_output: Tensor) -> Tensor:
    """The gradient of all weights as one vector, zero for those that the output does not need."""
    found = torch.autograd.grad(output, weights, at_output, allow_unused=True)
    flat = [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]
    return torch.cat([g.flatten() for g in flat])
