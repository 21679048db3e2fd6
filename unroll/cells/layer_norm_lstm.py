"""Long short-term memory with layer normalisation (Ba et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import layer_norm, linear

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState


class LayerNormLSTMCell(Cell):
    """Long short-term memory whose products and memory are layer-normalised.

    When to use it: where an LSTM learns slowly or unsteadily, above all with long sequences or
    small batches. The norms cost a few passes over the gates in each step.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i, f, g, o = norm_ih(W_ih x) + norm_hh(W_hh h) + b
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(norm_c(c') + b_c)
        norm(v) = gain * (v - mean(v)) / sqrt(variance(v) + epsilon)

    Each norm of a product runs over all 4H sums together, and c' itself is carried on without its
    norm, as in the paper and the authors' code. The paper gives the first two norms a bias each,
    beside b; only the sum of the three counts, and that is `bias` here. Others differ: TensorFlow's
    LayerNormBasicLSTMCell normalises each gate by itself, after the sum, and carries the norm of
    c'.

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, 2016
    (https://arxiv.org/abs/1607.06450), and the authors' code
    (https://github.com/ryankiros/layer-norm).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        epsilon: added to each variance.

    Attributes:
        weight_ih: [4H, I], uniform in +-1/sqrt(H) at the start, as torch's.
        weight_hh: [4H, H], likewise.
        gain_ih: [4H], ones at the start.
        gain_hh: [4H], ones at the start.
        gain_memory: [H], ones at the start.
        bias: b [4H], zeros at the start.
        bias_memory: b_c [H], zeros at the start.

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, H], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.LayerNormLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, *, epsilon: float = 1e-5) -> None:
        super().__init__(input_size, hidden_size)
        self.epsilon = epsilon
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.gain_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.gain_hh = nn.Parameter(torch.empty(4 * hidden_size))
        self.gain_memory = nn.Parameter(torch.empty(hidden_size))
        self.bias_memory = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights again, as torch's cells do; gains become one, biases zero."""
        super().reset_parameters()
        for gain in (self.gain_ih, self.gain_hh, self.gain_memory):
            nn.init.ones_(gain)
        for bias in (self.bias, self.bias_memory):
            nn.init.zeros_(bias)

    def norm(self, values: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
        """Layer norm over the N numbers of a row: values [B, N], gain [N], bias [N] or None -> [B, N]."""
        return layer_norm(values, gain.shape, gain, bias, self.epsilon)

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """One step: x [B, I], state (h [B, H], c [B, H]) -> output h' [B, H], LSTMState(h', c')."""
        h, c = state
        from_x = self.norm(linear(x, self.weight_ih), self.gain_ih, self.bias)
        from_h = self.norm(linear(h, self.weight_hh), self.gain_hh)
        i, f, g, o = (from_x + from_h).chunk(4, 1)
        i, f, g, o = self.tap(
            input_gate=sigmoid(i), forget_gate=sigmoid(f), candidate=tanh(g), output_gate=sigmoid(o)
        )
        c = f * c + i * g
        h = o * tanh(self.norm(c, self.gain_memory, self.bias_memory))
        return h, LSTMState(h, c)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)
