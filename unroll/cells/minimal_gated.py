"""The minimal gated unit (Zhou et al. 2016): one gate that both resets and updates."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class MinimalGatedCell(Cell):
    """The minimal gated unit: a GRU whose one gate both resets and updates.

    When to use it: where the number of weights matters. It has two thirds of a GRU's, and the paper
    finds it about as accurate.

    Equations (gate order f, n in the rows of the weights):

        f = sigmoid(W_if x + W_hf h + b_f)        forget gate
        n = tanh(W_in x + W_hn (f * h) + b_n)     candidate
        h' = (1 - f) * h + f * n

    A gate of one replaces the state, as in the paper: it is 1 - z of torch's GRU. Flax's `MGUCell`
    is another cell: f keeps the old state and multiplies after the product.

    Source: G.-B. Zhou, J. Wu, C.-L. Zhang and Z.-H. Zhou, Minimal gated unit for recurrent neural
    networks, 2016 (https://arxiv.org/abs/1603.09420).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: [2H, I].
        weight_hh: [2H, H].
        bias: [2H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.MinimalGatedCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        W_f, W_n = self.weight_hh.chunk(2)
        x_f, x_n = linear(x, self.weight_ih, self.bias).chunk(2, 1)
        f = self.tap(forget_gate=sigmoid(x_f + linear(h, W_f)))
        n = self.tap(candidate=tanh(x_n + linear(f * h, W_n)))
        h = (1 - f) * h + f * n
        return h, h
