"""The gated recurrent unit (Cho et al. 2014), with the reset gate after the product."""

from __future__ import annotations

from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class GRUCell(nn.GRUCell, Cell):
    """The gated recurrent unit, drop-in for `torch.nn.GRUCell`.

    When to use it: as good as an LSTM on many tasks, with three quarters of its weights and one
    state instead of two.

    Equations (gate order r, z, n in the rows of the weights, as torch):

        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      reset gate
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      update gate
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))   candidate
        h' = (1 - z) * n + z * h

    The reset multiplies after the product (torch, cuDNN, Keras `reset_after=True`), and z keeps the
    old state; Cho et al. multiply before the product, Chung et al. 2014 write z the other way.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014
    (https://arxiv.org/abs/1406.1078).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        bias: whether bias_ih and bias_hh exist.

    Attributes:
        weight_ih: [3H, I].
        weight_hh: [3H, H].
        bias_ih: [3H].
        bias_hh: [3H].

    Shapes:
        - x: [B, I] or [I].
        - h: [B, H] or [H]; zeros if it is not given.
        - returns: h' of h's shape. `step(x, h)` returns (h', h').

    Raises:
        RuntimeError: from `torch.nn.GRUCell`, for wrong sizes.

    Examples:
        >>> import torch, unroll
        >>> h = unroll.GRUCell(3, 4)(torch.zeros(2, 3))
        >>> tuple(h.shape)
        (2, 4)
    """

    def step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        x_r, x_z, x_n = linear(x, self.weight_ih, self.bias_ih).chunk(3, -1)
        h_r, h_z, h_n = linear(h, self.weight_hh, self.bias_hh).chunk(3, -1)
        r, z = self.tap(reset_gate=sigmoid(x_r + h_r), update_gate=sigmoid(x_z + h_z))
        n = self.tap(candidate=tanh(x_n + r * h_n))
        h = (1 - z) * n + z * h
        return h, h
