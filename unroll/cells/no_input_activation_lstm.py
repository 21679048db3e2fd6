"""The LSTM without the tanh of its candidate (Greff et al. 2015)."""

from __future__ import annotations

from torch import Tensor, sigmoid, tanh

from unroll.cells.lstm import LSTMState
from unroll.cells.lstm_variant import VariantLSTMCell, see


class NoInputActivationLSTMCell(VariantLSTMCell):
    """NIAF: the LSTM without the tanh on the way in; candidates are linear.

    When to use it: to measure what the tanh is worth. In the paper speech and handwriting suffer
    without it, music does not.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = W_ig x + W_hg h + b_g                         candidate
        c' = f * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` except for g; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

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

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.NoInputActivationLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=g)
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)
