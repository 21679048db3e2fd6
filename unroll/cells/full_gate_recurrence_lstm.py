"""The LSTM whose gates also read the gates of the step before (Greff et al. 2015)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, cat, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.lstm_variant import VariantLSTMCell, see


class FullGateRecurrenceLSTMState(NamedTuple):
    """The state of `FullGateRecurrenceLSTMCell`.

    Attributes:
        h: the output [B, H].
        c: the memory [B, H].
        i: the input gate of the last step [B, H].
        f: the forget gate of the last step [B, H].
        o: the output gate of the last step [B, H].
    """

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    o: Tensor


class FullGateRecurrenceLSTMCell(VariantLSTMCell):
    """FGR: the LSTM whose gates also read all gates of the step before.

    When to use it: for comparisons. It has nine more matrices, and in the paper they do not help.
    The first LSTM (1997) was connected like this.

    Equations (gate order i, f, g, o in the rows of the weights, as torch; i, f, o in those of V):

        i' = sigmoid(W_ii x + W_hi h + V_ii i + V_fi f + V_oi o + p_i * c + b_i)      input gate
        f' = sigmoid(W_if x + W_hf h + V_if i + V_ff f + V_of o + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                                               candidate
        c' = f' * c + i' * g
        o' = sigmoid(W_io x + W_ho h + V_io i + V_fo f + V_oo o + p_o * c' + b_o)     output gate
        h' = o' * tanh(c')

    The gates are zero before the first step, as in the authors' code. The paper calls g the block
    input z, h the output y, and W_h as well as V recurrent weights R.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069), and the authors' code
    (https://github.com/Qwlouse/pylstm).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        peepholes: whether the gates see the memory, as in the paper; or the letters of those that do.

    Attributes:
        weight_ih: [4H, I].
        weight_hh: [4H, H].
        bias: [4H].
        peephole_input: p_i [H], or None.
        peephole_forget: p_f [H], or None.
        peephole_output: p_o [H], or None.
        weight_gates: V [3H, 3H]; rows and columns in the order i, f, o.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: FullGateRecurrenceLSTMState(h, c, i, f, o), each [B, H].
        - returns: (h', FullGateRecurrenceLSTMState(h', c', i', f', o')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.FullGateRecurrenceLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.f.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, *, peepholes: bool | str = True) -> None:
        super().__init__(input_size, hidden_size, peepholes=peepholes)
        self.weight_gates = nn.Parameter(torch.empty(3 * hidden_size, 3 * hidden_size))
        self.reset_parameters()

    def forward(
        self, x: Tensor, state: FullGateRecurrenceLSTMState
    ) -> tuple[Tensor, FullGateRecurrenceLSTMState]:
        """One step: x [B, I], state (h, c, i, f, o), each [B, H] -> output h' [B, H], new state."""
        h, c, i, f, o = state
        from_i, from_f, from_o = linear(cat([i, f, o], 1), self.weight_gates).chunk(3, 1)
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i + from_i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f + from_f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o + from_o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, FullGateRecurrenceLSTMState(h, c, i, f, o)

    def initial_state(self, batch_size: int, **like: Any) -> FullGateRecurrenceLSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return FullGateRecurrenceLSTMState(zeros, zeros, zeros, zeros, zeros)
