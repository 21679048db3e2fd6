"""The simple recurrent network (Elman 1990)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class RNNCell(nn.RNNCell, Cell):
    """The simple (Elman) recurrent cell, drop-in for `torch.nn.RNNCell`.

    When to use it: short memories, teaching, and as the baseline that a gated cell must beat. Its
    gradient vanishes or explodes within tens of steps; `nonlinearity="relu"` with identity
    recurrent weights (Le et al. 2015) reaches further.

    Equations, with tanh or relu as the nonlinearity:

        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    Source: J. L. Elman, Finding structure in time, 1990
    (https://doi.org/10.1207/s15516709cog1402_1).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        bias: whether bias_ih and bias_hh exist.
        nonlinearity: "tanh" or "relu".

    Attributes:
        weight_ih: [H, I].
        weight_hh: [H, H].
        bias_ih: [H].
        bias_hh: [H].

    Shapes:
        - x: [B, I] or [I].
        - h: [B, H] or [H]; zeros if it is not given.
        - returns: h' of h's shape. `step(x, h)` returns (h', h').

    Raises:
        RuntimeError: from `torch.nn.RNNCell`, for wrong sizes or an unknown nonlinearity.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.RNNCell(3, 4)
        >>> h = cell(torch.zeros(2, 3))
        >>> tuple(h.shape)
        (2, 4)
    """

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H].

        Raises:
            RuntimeError: where `nonlinearity` is neither "tanh" nor "relu".
        """
        activation = {"tanh": torch.tanh, "relu": torch.relu}.get(self.nonlinearity)
        if activation is None:
            raise RuntimeError(
                f"Unknown nonlinearity: {self.nonlinearity}"  # in torch's words
            )
        h = activation(
            linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        )
        return h, h
