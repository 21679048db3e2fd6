"""The gated recurrent unit as Cho et al. (2014) wrote it, with the reset gate before the product."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class OriginalGRUCell(Cell):
    """The gated recurrent unit of the paper: the reset gate multiplies before the product.

    When to use it: to repeat results of the paper, or to use weights from Keras
    (`reset_after=False`) or ONNX (`linear_before_reset=0`). Otherwise `GRUCell` is as good and
    faster, because its recurrent products are one product.

    Equations (gate order r, z, n in the rows of the weights, as torch):

        r = sigmoid(W_ir x + W_hr h + b_r)        reset gate
        z = sigmoid(W_iz x + W_hz h + b_z)        update gate
        n = tanh(W_in x + W_hn (r * h) + b_n)     candidate
        h' = (1 - z) * n + z * h

    z keeps the old state, as in the paper, torch, Keras and ONNX; Chung et al. 2014 write z the
    other way. The paper has no biases. Keras and ONNX stack the gates as z, r, n; ONNX's two biases
    are added to make one.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014
    (https://arxiv.org/abs/1406.1078).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: [3H, I].
        weight_hh: [3H, H].
        bias: [3H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.OriginalGRUCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        W_gates, W_n = self.weight_hh.split([2 * self.hidden_size, self.hidden_size])
        x_r, x_z, x_n = linear(x, self.weight_ih, self.bias).chunk(3, 1)
        h_r, h_z = linear(h, W_gates).chunk(2, 1)
        r, z = self.tap(reset_gate=sigmoid(x_r + h_r), update_gate=sigmoid(x_z + h_z))
        n = self.tap(candidate=tanh(x_n + linear(r * h, W_n)))
        h = (1 - z) * n + z * h
        return h, h
