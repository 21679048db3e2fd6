"""A gated connection past the cell: highway connections (Srivastava et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid
from torch.nn.functional import linear

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class HighwayCell(Wrapper):
    """Any cell, with a learned gate between its output and its input.

    When to use it: in deep stacks, as `ResidualCell`, where the network should learn how much of
    each layer it needs, or where the widths of input and output differ.

    Equations, with y and s' the inner cell's output and new state:

        y, s' = cell(x, s)
        g = sigmoid(W_g x + b_g)                transform gate; 1 - g carries
        output = g * y + (1 - g) * x            where the widths are equal
        output = g * y + (1 - g) * W_p x        where they differ

    The gate sees x alone, as in the paper (and in TensorFlow's `HighwayWrapper`, whose carry gate
    is 1 - g). What the cell feeds back to itself is its own state; the highway runs from layer to
    layer, not from step to step as in a recurrent highway network (Zilly et al. 2017).

    Source: R. K. Srivastava et al., Highway networks, 2015 (https://arxiv.org/abs/1505.00387).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.

    Attributes:
        gate_weight: W_g [O, I], uniform in +-1/sqrt(I) at the start.
        gate_bias: b_g [O], -1 at the start, so that at first x is carried, as the paper advises.
        projection_weight: W_p [O, I] where I is not O, else None; drawn as W_g.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - returns: (output [B, O], the inner cell's new state).

    Raises:
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.HighwayCell(unroll.GRUCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__(cell)
        O, I = self.output_size, self.input_size
        self.gate_weight = nn.Parameter(torch.empty(O, I))
        self.gate_bias = nn.Parameter(torch.empty(O))
        self.projection_weight = nn.Parameter(torch.empty(O, I)) if O != I else None
        self.reset_own_parameters()

    def reset_own_parameters(self) -> None:
        for weight in (self.gate_weight, self.projection_weight):
            if weight is not None:
                nn.init.uniform_(weight, -(self.input_size**-0.5), self.input_size**-0.5)
        nn.init.constant_(self.gate_bias, -1.0)

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        output, state = self.inner_step(x, state, noise)
        g = self.tap(transform_gate=sigmoid(linear(x, self.gate_weight, self.gate_bias)))
        carried = x if self.projection_weight is None else linear(x, self.projection_weight)
        return g * output + (1 - g) * carried, state
