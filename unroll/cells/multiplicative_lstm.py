"""Long short-term memory whose recurrence is chosen by the input (Krause et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState


class MultiplicativeLSTMCell(Cell):
    """Long short-term memory whose recurrent weights depend on the input.

    When to use it: text in characters or bytes, where each symbol should change the state in its
    own way; the "sentiment neuron" (Radford et al. 2017) is one of its units. It has a quarter more
    weights than an LSTM, and two products in a row in each step.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        m = (W_im x) * (W_hm h)             the state, as the input lets it through
        i = sigmoid(W_ii x + W_mi m + b_i)      input gate
        f = sigmoid(W_if x + W_mf m + b_f)      forget gate
        g = tanh(W_ig x + W_mg m + b_g)         candidate
        o = sigmoid(W_io x + W_mo m + b_o)      output gate
        c' = f * c + i * g
        h' = o * tanh(c')

    m has no bias, as in the paper; torchrecurrent gives both its factors one. The authors' Chainer
    code is as here; their older MATLAB code leaves g linear and gates within the tanh, h' = tanh(o
    * c' + b). It is not the mLSTM of Beck et al. 2024, whose memory is a matrix.

    Source: B. Krause, L. Lu, I. Murray and S. Renals, Multiplicative LSTM for sequence modelling,
    2016 (https://arxiv.org/abs/1609.07959), and the authors' code
    (https://github.com/benkrause/mLSTM).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_im: [H, I], for m.
        weight_hm: [H, H], for m.
        weight_ih: [4H, I], for the gates.
        weight_mh: [4H, H], for the gates.
        bias: [4H], for the gates.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.MultiplicativeLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_im = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hm = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_mh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        m = self.tap(intermediate=linear(x, self.weight_im) * linear(h, self.weight_hm))
        i, f, g, o = (linear(x, self.weight_ih, self.bias) + linear(m, self.weight_mh)).chunk(4, 1)
        i, f, g, o = self.tap(
            input_gate=sigmoid(i), forget_gate=sigmoid(f), candidate=tanh(g), output_gate=sigmoid(o)
        )
        c = f * c + i * g
        h = o * tanh(c)
        return h, LSTMState(h, c)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)
