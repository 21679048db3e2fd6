"""The minimal gated recurrent unit (Feng et al. 2024): a GRU whose gates do not read the state."""

from __future__ import annotations

import torch
from torch import Tensor, nn, relu, sigmoid
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.scan import scan


class MinGRUCell(Cell):
    """The minimal GRU: linear in its state, so a sequence needs no loop over time.

    When to use it: long sequences and small budgets. It has two products per step instead of the
    GRU's six, and all steps can be computed at once. The gates of a single layer do not see what it
    remembers, so stack two or three.

    Equations (gate order z, h in the rows of the weights):

        z = sigmoid(W_z x + b_z)            update gate
        n = g(W_h x + b_h)                  candidate
        h' = (1 - z) * h + z * n = h + z * (n - h)

    with g(v) = v + 0.5 for v >= 0 and sigmoid(v) below, which keeps the state positive as the
    paper's log-space version does; with `positive=False` g is the identity, the paper's plain
    version. z lets the candidate in (Feng et al.; Chung et al. 2014); torch's GRU writes it the
    other way.

    The parallel form is exact, from any state: `unroll.cells.scan` needs no logarithms, so the
    initial state may have any sign.

    Source: L. Feng et al., Were RNNs all we needed?, 2024 (https://arxiv.org/abs/2410.01201).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        positive: whether the candidate goes through g.

    Attributes:
        weight_ih: [2H, I].
        bias: [2H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'). `parallel(x [T, B, I], h)` returns them for every step, [T, B, H].

    Examples:
        >>> import torch, unroll
        >>> cell, x = unroll.MinGRUCell(3, 4), torch.randn(5, 2, 3)
        >>> outputs, states = cell.parallel(x, cell.initial_state(2))
        >>> h = cell.initial_state(2)
        >>> for step in x:
        ...     output, h = cell(step, h)
        >>> torch.allclose(states[-1], h, atol=1e-6)
        True
    """

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        z, n = self.gates(x)
        h = h + z * (n - h)
        return h, h

    def parallel(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """All steps at once, without a loop over time.

        Args:
            x: the inputs [T, B, I].
            h: the state before the first step [B, H].

        Returns:
            The outputs [T, B, H] and the states after each step [T, B, H], which are the same tensor.
        """
        z, n = self.gates(x)
        h = scan(1 - z, z * n, h)
        return h, h

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The update gate and the candidate, each [..., H], for inputs x [..., I]."""
        z, n = linear(x, self.weight_ih, self.bias).chunk(2, -1)
        z, n = self.tap(update_gate=sigmoid(z), candidate=positive(n) if self.positive else n)
        return z, n


def positive(v: Tensor) -> Tensor:
    """The paper's g: v + 0.5 for v >= 0 and sigmoid(v) below, so never less than zero.

    Written as a sum of which one part is always constant; `torch.where` takes twice the time.

    Args:
        v: numbers of any shape `[...]`.

    Returns:
        g of each number, in the shape of v.
    """
    above = relu(v)
    return above + sigmoid(v - above)
