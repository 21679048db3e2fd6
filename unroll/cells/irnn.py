"""A recurrent network of rectified units that starts as the identity (Le et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, relu
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class IRNNCell(Cell):
    """A simple recurrent cell of rectified units whose recurrent weights start as the identity.

    When to use it: long memories at the cost of a simple recurrent network, on tasks such as adding
    marked numbers or reading pixels one by one. Keep the learning rate small and clip the gradient:
    nothing bounds the state.

    Equations:

        h' = relu(W_ih x + W_hh h + b)

    At the start W_hh is the identity and b zero, so that a step adds its input to the state and the
    gradient goes back through time unchanged. Where long memories are harmful, the paper starts
    with a small multiple of the identity: `identity_scale=0.01` for speech.

    Source: Q. V. Le, N. Jaitly and G. E. Hinton, A simple way to initialize recurrent networks of
    rectified linear units, 2015 (https://arxiv.org/abs/1504.00941).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        identity_scale: the number on the diagonal of weight_hh at the start.

    Attributes:
        weight_ih: [H, I], normal at the start, with mean 0 and standard deviation 0.001.
        weight_hh: [H, H], identity_scale times the identity at the start.
        bias: [H], zero at the start.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.IRNNCell(3, 4)
        >>> output, h = cell(torch.zeros(2, 3), torch.ones(2, 4))
        >>> h[0]
        tensor([1., 1., 1., 1.], grad_fn=<SelectBackward0>)
    """

    def __init__(self, input_size: int, hidden_size: int, *, identity_scale: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.identity_scale = identity_scale
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the parameters again, as the paper does."""
        nn.init.normal_(self.weight_ih, std=0.001)
        nn.init.eye_(self.weight_hh).mul_(self.identity_scale)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        h = relu(linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh))
        return h, h
