"""The recurrent highway network: several highway layers in one step (Zilly et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class RecurrentHighwayCell(Cell):
    """Highway layers on top of each other inside one step: a deep transition from state to state.

    When to use it: language at the level of characters or words, where one wide layer with a deep
    step uses its parameters better than a stack of LSTMs. A step costs `depth` products, one after
    the other.

    Equations (order h, t in the rows of the weights), s_0 = s and, for k = 1 .. D:

        h = tanh(W_h x + R_hk s_{k-1} + b_hk)       candidate; W_h x in the first layer only
        t = sigmoid(W_t x + R_tk s_{k-1} + b_tk)    transform gate; W_t x in the first layer only
        s_k = h * t + s_{k-1} * (1 - t)             so the carry gate is c = 1 - t

        s' = s_D

    The paper also writes a carry gate with weights of its own; its experiments, and the authors'
    code, couple it as here. A negative b_t lets the state through unchanged at first.

    Source: J. G. Zilly et al., Recurrent highway networks, 2016 (https://arxiv.org/abs/1607.03474).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        depth: D, the number of highway layers in a step, at least 1.
        transform_bias: the start of every b_t: -2 as the authors took for words; -4 for characters.

    Attributes:
        weight_ih: [2H, I].
        weight_hh: [D, 2H, H].
        bias: [D, 2H].

    All but b_t start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - s: [B, H].
        - returns: (s', s').

    Raises:
        ValueError: depth is below 1.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.RecurrentHighwayCell(3, 4, depth=5)
        >>> output, s = cell(torch.zeros(2, 3), cell.initial_state(2))
        >>> tuple(s.shape)
        (2, 4)
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, depth: int = 3, transform_bias: float = -2.0
    ) -> None:
        if depth < 1:
            raise ValueError(
                f"RecurrentHighwayCell got depth={depth}; expected at least 1 highway layer per step."
            )
        super().__init__(input_size, hidden_size)
        self.depth = depth
        self.transform_bias = transform_bias
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(depth, 2 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(depth, 2 * hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        super().reset_parameters()
        self.bias[:, self.hidden_size :] = self.transform_bias

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], s [B, H] -> output [B, H], new state [B, H]."""
        for k in range(self.depth):
            gates = linear(s, self.weight_hh[k], self.bias[k])
            if k == 0:
                gates = gates + linear(x, self.weight_ih)
            h, t = gates.chunk(2, -1)
            h, t = self.tap(
                **{f"candidate_{k + 1}": tanh(h), f"transform_gate_{k + 1}": sigmoid(t)}
            )
            s = h * t + s * (1 - t)
        return s, s
