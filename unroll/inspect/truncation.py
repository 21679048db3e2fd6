"""The error of truncated backpropagation, measured on the gradient of the weights.

With a window of k steps the state before the window counts as a constant. The error is

    |g - g_k| / |g|,   g the exact gradient of all weights, g_k that of the window

T time, B batch, H output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unroll.engine import unroll
from unroll.inspect.trajectory import Trajectory

WINDOWS = (1, 5, 10, 35, 100)
WeightGradient = Callable[[int], Tensor | None]  # of a window, in steps


def truncation_errors(
    weight_gradient: WeightGradient, steps: int, windows: Sequence[int] = WINDOWS
) -> dict[int, float]:
    """The error of each window that is shorter than the sequence.

    When to use it: to choose a block length for truncated backpropagation.

    Args:
        weight_gradient: a function of a window that returns dL/dW of all weights as one vector, or
            None where there are no weights.
        steps: T of the sequence.
        windows: in steps.

    Returns:
        The errors by window; empty where there is nothing to train, and where the exact gradient is
        zero or overflows.
    """
    exact = weight_gradient(steps)
    length = 0.0 if exact is None else float(exact.norm())
    if exact is None or not 0 < length < math.inf:
        return {}
    errors = {}
    for window in windows:
        if window < steps:
            truncated = weight_gradient(window)
            errors[window] = (
                1.0 if truncated is None else float((exact - truncated).norm()) / length
            )
    return errors


def cell_weight_gradient(trajectory: Trajectory, at_loss: Tensor) -> WeightGradient:
    """The gradient of the weights of one cell, as a function of the window.

    Args:
        trajectory: of the cell.
        at_loss: dL/d output of the last step, [B, H].
    """
    weights = [p for p in trajectory.cell.parameters() if p.requires_grad]

    def through_window(window: int) -> Tensor | None:
        first = trajectory.steps - window
        output, _ = unroll(
            trajectory.cell, trajectory.x[first:], trajectory.state_before(first), backend="loop"
        )
        return flat_gradient(output[-1], weights, at_loss) if weights else None

    return through_window


def flat_gradient(output: Tensor, weights: Sequence[nn.Parameter], at_output: Tensor) -> Tensor:
    """The gradient of all weights as one vector; zero for those that the output does not use.

    Args:
        output: of any shape, with a graph.
        weights: at least one; P numbers in all.
        at_output: dL/d output, of the shape of the output.

    Returns:
        [P], in the order of the weights.
    """
    gradients = torch.autograd.grad(output, weights, at_output, allow_unused=True)
    pairs = zip(weights, gradients, strict=True)
    return torch.cat([(torch.zeros_like(w) if g is None else g).flatten() for w, g in pairs])
