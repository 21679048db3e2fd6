"""The minimal LSTM (Feng et al. 2024): an LSTM whose gates do not read the state."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid
from torch.nn.functional import linear, softplus

from unroll.cells.cell import Cell
from unroll.cells.min_gru import positive
from unroll.cells.scan import scan


class MinLSTMCell(Cell):
    """The minimal LSTM: linear in its state, so a sequence needs no loop over time.

    When to use it: as `MinGRUCell`, with one more gate: the share that is kept and the share that
    enters are two gates, normalised to a sum of one.

    Equations (gate order f, i, h in the rows of the weights):

        f = sigmoid(W_f x + b_f)            forget gate
        i = sigmoid(W_i x + b_i)            input gate
        n = g(W_h x + b_h)                  candidate
        k = f / (f + i)                     what is kept; i / (f + i) is the rest
        h' = k * h + (1 - k) * n = n + k * (h - n)

    with g(v) = v + 0.5 for v >= 0 and sigmoid(v) below, which keeps the state positive as the
    paper's log-space version does; with `positive=False` g is the identity. There is neither an
    output gate nor a second state. k is computed from the logarithms of f and i, and stays exact
    where both underflow.

    The parallel form is exact, from any state: `unroll.cells.scan` needs no logarithms.

    Source: L. Feng et al., Were RNNs all we needed?, 2024 (https://arxiv.org/abs/2410.01201).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        positive: whether the candidate goes through g.

    Attributes:
        weight_ih: [3H, I].
        bias: [3H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'). `parallel(x [T, B, I], h)` returns them for every step, [T, B, H].

    Examples:
        >>> import torch, unroll
        >>> output, h = unroll.unroll(unroll.MinLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), bool((h > 0).all())
        ((5, 2, 4), True)
    """

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        k, n = self.gates(x)
        h = n + k * (h - n)
        return h, h

    def parallel(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """All steps at once, without a loop over time.

        Args:
            x: the inputs [T, B, I].
            h: the state before the first step [B, H].

        Returns:
            The outputs [T, B, H] and the states after each step [T, B, H], which are the same tensor.
        """
        k, n = self.gates(x)
        h = scan(k, (1 - k) * n, h)
        return h, h

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The share k of the state that is kept and the candidate, each [..., H], for inputs x [..., I]."""
        f, i, n = linear(x, self.weight_ih, self.bias).chunk(3, -1)
        odds = softplus(-i) - softplus(-f)  # log(sigmoid(f) / sigmoid(i))
        k, n = self.tap(kept=sigmoid(odds), candidate=positive(n) if self.positive else n)
        return k, n
