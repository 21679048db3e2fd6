"""Long short-term memory whose gates see the memory (Gers & Schmidhuber 2000)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState


class PeepholeLSTMCell(Cell):
    """Long short-term memory whose gates see the memory itself, through one weight per unit.

    When to use it: counting and exact timing, where a gate must know what is stored while the
    output gate is shut. It is also the vanilla LSTM of Greff et al. 2015, and ONNX's with P.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = f * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    Two gates see the old memory, the output gate the new one, and no gate sees another unit's. ONNX
    stacks W and R in the order i, o, f, g and P in the order i, o, f. The tanh on the way in and on
    the way out are as in Greff et al. and ONNX; the paper has other squashing functions.

    Source: F. A. Gers and J. Schmidhuber, Recurrent nets that time and count, 2000
    (https://doi.org/10.1109/IJCNN.2000.861302).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: [4H, I].
        weight_hh: [4H, H].
        bias: [4H].
        peephole_input: p_i [H].
        peephole_forget: p_f [H].
        peephole_output: p_o [H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.PeepholeLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.peephole_input = nn.Parameter(torch.empty(hidden_size))
        self.peephole_forget = nn.Parameter(torch.empty(hidden_size))
        self.peephole_output = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        i, f, g, o = (linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh)).chunk(4, 1)
        i = self.tap(input_gate=sigmoid(i + self.peephole_input * c))
        f = self.tap(forget_gate=sigmoid(f + self.peephole_forget * c))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(o + self.peephole_output * c))
        h = o * tanh(c)
        return h, LSTMState(h, c)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)
