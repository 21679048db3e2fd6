"""Long short-term memory whose gates see the memory (Gers & Schmidhuber 2000)."""

from __future__ import annotations

from torch import Tensor, sigmoid, tanh

from unroll.cells.lstm import LSTMState
from unroll.cells.lstm_variant import VariantLSTMCell, see


class PeepholeLSTMCell(VariantLSTMCell):
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
        peepholes: which gates see the memory, by their letters: "if" for input and forget gate, "o" for
            the output gate alone; True: all three, False: none, as in `LSTMCell`.

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
        ValueError: for a letter of peepholes that is no gate.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.PeepholeLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)
