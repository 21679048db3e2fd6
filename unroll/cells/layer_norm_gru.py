"""The gated recurrent unit with layer normalisation (Ba et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import layer_norm, linear

from unroll.cells.cell import Cell


class LayerNormGRUCell(Cell):
    """The gated recurrent unit whose products are layer-normalised.

    When to use it: where a GRU learns slowly or unsteadily, above all with long sequences or small
    batches. The norms cost a few passes over the gates in each step.

    Equations (gate order r, z, n in the rows of the weights, as torch):

        r, z = sigmoid(norm(W_ig x) + norm(W_hg h) + b_g)         reset and update gate
        n = tanh(norm(W_in x) + b_n + r * (norm(W_hn h) + b_hn))  candidate
        h' = (1 - z) * n + z * h
        norm(v) = gain * (v - mean(v)) / sqrt(variance(v) + epsilon)

    W_ig and W_hg are the rows of both gates, and each of their norms runs over 2H sums together;
    the candidate's run over H. The reset multiplies after the product and its norm, as in the paper
    and the authors' code. z keeps the old state, as in torch's GRU and the authors' code; the
    paper's appendix writes z the other way. The paper gives both norms of the gates a bias; only
    the sum counts, and that is b_g here.

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, 2016
    (https://arxiv.org/abs/1607.06450), and the authors' code
    (https://github.com/ryankiros/layer-norm).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        epsilon: added to each variance.

    Attributes:
        weight_ih: [3H, I], uniform in +-1/sqrt(H) at the start, as torch's.
        weight_hh: [3H, H], likewise.
        gain_ih: [3H], ones at the start.
        gain_hh: [3H], ones at the start.
        bias: b_g and b_n [3H], zeros at the start.
        bias_recurrent: b_hn [H], zeros at the start.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.LayerNormGRUCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, *, epsilon: float = 1e-5) -> None:
        super().__init__(input_size, hidden_size)
        self.epsilon = epsilon
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        self.gain_ih = nn.Parameter(torch.empty(3 * hidden_size))
        self.gain_hh = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_recurrent = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights again, as torch's cells do; gains become one, biases zero."""
        super().reset_parameters()
        for gain in (self.gain_ih, self.gain_hh):
            nn.init.ones_(gain)
        for bias in (self.bias, self.bias_recurrent):
            nn.init.zeros_(bias)

    def norm(self, values: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
        """Layer norm over the N numbers of a row: values [B, N], gain [N], bias [N] or None -> [B, N]."""
        return layer_norm(values, gain.shape, gain, bias, self.epsilon)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        rows = [2 * self.hidden_size, self.hidden_size]
        W_ig, W_in = self.weight_ih.split(rows)
        W_hg, W_hn = self.weight_hh.split(rows)
        gain_ig, gain_in = self.gain_ih.split(rows)
        gain_hg, gain_hn = self.gain_hh.split(rows)
        b_g, b_n = self.bias.split(rows)
        gates = self.norm(linear(x, W_ig), gain_ig, b_g) + self.norm(linear(h, W_hg), gain_hg)
        r, z = sigmoid(gates).chunk(2, 1)
        r, z = self.tap(reset_gate=r, update_gate=z)
        from_x = self.norm(linear(x, W_in), gain_in, b_n)
        from_h = self.norm(linear(h, W_hn), gain_hn, self.bias_recurrent)
        n = self.tap(candidate=tanh(from_x + r * from_h))
        h = (1 - z) * n + z * h
        return h, h
