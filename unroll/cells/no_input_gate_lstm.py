"""The LSTM without its input gate (Greff et al. 2015)."""

from __future__ import annotations

from torch import Tensor, sigmoid, tanh

from unroll.cells.lstm import LSTMState
from unroll.cells.lstm_variant import VariantLSTMCell, see


class NoInputGateLSTMCell(VariantLSTMCell):
    """NIG: the LSTM without its input gate; every candidate is stored in full.

    When to use it: to measure what the input gate is worth. In the paper, speech and handwriting
    get worse without it, music does not.

    Equations (gate order f, g, o in the rows of the weights):

        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = f * c + g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` with i = 1; the paper calls g the block input z, and h the output y.

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
        >>> output, last = unroll.unroll(unroll.NoInputGateLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("forget", "output")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        f, g, o = self.sums(x, h)
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)
