"""Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate of Gers et al. 2000)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class LSTMState(NamedTuple):
    """The state of the LSTM and of most of its variants.

    Attributes:
        h: the output [B, H]; [B, P] where it is projected.
        c: the memory [B, H].
    """

    h: Tensor
    c: Tensor


class LSTMCell(nn.LSTMCell, Cell):
    """Long short-term memory, drop-in for `torch.nn.LSTMCell`.

    When to use it: the default for language, speech and anything with long memories.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)      input gate
        f = sigmoid(W_if x + b_if + W_hf h + b_hf)      forget gate
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)         candidate
        o = sigmoid(W_io x + b_io + W_ho h + b_ho)      output gate
        c' = f * c + i * g
        h' = o * tanh(c')

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997
    (https://doi.org/10.1162/neco.1997.9.8.1735); F. A. Gers et al., Learning to forget, 2000
    (https://doi.org/10.1162/089976600300015015).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        bias: whether bias_ih and bias_hh exist.

    Attributes:
        weight_ih: [4H, I].
        weight_hh: [4H, H].
        bias_ih: [4H].
        bias_hh: [4H].

    Shapes:
        - x: [B, I] or [I].
        - state: (h, c), each [B, H] or [H]; zeros if it is not given.
        - returns: (h', c'). `step(x, state)` returns (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from `torch.nn.LSTMCell`, for wrong sizes.

    Examples:
        >>> import torch, unroll
        >>> h, c = unroll.LSTMCell(3, 4)(torch.zeros(2, 3))
        >>> tuple(h.shape), tuple(c.shape)
        ((2, 4), (2, 4))
    """

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        gates = linear(x, self.weight_ih, self.bias_ih) + linear(h, self.weight_hh, self.bias_hh)
        i, f, g, o = gates.chunk(4, -1)
        i, f, g, o = self.tap(
            input_gate=sigmoid(i), forget_gate=sigmoid(f), candidate=tanh(g), output_gate=sigmoid(o)
        )
        c = f * c + i * g
        h = o * tanh(c)
        return h, LSTMState(h, c)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)
