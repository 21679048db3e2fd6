"""Locked (variational) dropout: one mask for all steps of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Zero the same units at every step of a sequence, in training.

    When to use it: on inputs, between layers and on outputs of a recurrent network; a new mask in
    each step disturbs the memory more than it regularises.

    Equation:

        y_t = mask * x_t / (1 - p),   mask [1, B, H] drawn once per call

    Source: Y. Gal and Z. Ghahramani, A theoretically grounded application of dropout in recurrent
    neural networks, 2016 (https://arxiv.org/abs/1512.05287).

    Args:
        p: probability of a zero, 0 <= p < 1.

    Shapes:
        - x: [T, B, H].
        - returns: [T, B, H].

    Raises:
        ValueError: p is outside 0 <= p < 1.

    Examples:
        >>> import torch
        >>> from unroll.layers.locked_dropout import LockedDropout
        >>> y = LockedDropout(0.5)(torch.ones(7, 2, 3))
        >>> bool((y == y[0]).all())
        True
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"LockedDropout got p={p}; expected a probability, 0 <= p < 1.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """x [T, B, H] -> [T, B, H], with one mask for all steps; x itself outside of training."""
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        return x * (torch.bernoulli(x.new_full((1, *x.shape[1:]), keep)) / keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"
