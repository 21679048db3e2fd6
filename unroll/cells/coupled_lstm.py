"""The LSTM whose input gate and forget gate are one (Greff et al. 2015)."""

from __future__ import annotations

from torch import Tensor, sigmoid, tanh

from unroll.cells.lstm import LSTMState
from unroll.cells.lstm_variant import VariantLSTMCell, see


class CoupledLSTMCell(VariantLSTMCell):
    """CIFG: the LSTM with one gate for input and forgetting: what enters replaces what is forgotten.

    When to use it: instead of an LSTM, at three quarters of its weights; in the paper it is as
    good. The memory is a running mean of candidates, so it stays within (-1, 1).

    Equations (gate order i, g, o in the rows of the weights):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = (1 - i) * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` with f = 1 - i. It is also ONNX's LSTM with `input_forget=1`, whose
    rows of f exist but are not read: with P, or with `peepholes=False` where there is no P.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        peepholes: whether the gates see the memory, as in the paper; or the letters of those that do.

    Attributes:
        weight_ih: [3H, I].
        weight_hh: [3H, H].
        bias: [3H].
        peephole_input: p_i [H], or None.
        peephole_output: p_o [H], or None.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.CoupledLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("input", "output")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        i, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f, g = self.tap(forget_gate=1 - i, candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)
