"""The simple recurrent unit (Lei et al. 2018): light recurrence and a highway."""

from __future__ import annotations

from math import exp

import torch
from torch import Tensor, nn, sigmoid
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class SRUCell(Cell):
    """The simple recurrent unit: no product with the state, only element by element.

    When to use it: deep stacks (4 to 12 layers) for classification, translation and language, at
    the speed of a feed-forward layer. Its gates see the memory of their own unit (v), which those
    of minimal GRUs and quasi-recurrent networks do not.

    Equations (order z, f, r in the rows of the weights, then p where I is not H):

        z = W_z x
        f = sigmoid(W_f x + v_f * c + b_f)      forget gate
        r = sigmoid(W_r x + v_r * c + b_r)      reset gate: the share of c' in the output
        c' = f * c + (1 - f) * z
        h' = r * c' + (1 - r) * s x             s x is W_p x where I is not H

    Both gates read the old c. s = sqrt(1 + 2 exp(highway_bias)) makes up for the highway's share of
    the variance (`rescale=False`: s = 1); where I is not H the authors put it into W_p when it is
    drawn. There is no tanh on c', as there was in the first version (2017).

    c is inside the gates' sigmoids, so the recurrence is not linear in the state: it has no
    parallel form.

    Source: T. Lei et al., Simple recurrent units for highly parallelizable recurrence, 2018
    (https://arxiv.org/abs/1709.02755).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        highway_bias: the start of b_r: 0 in the paper, down to -3 for very deep stacks.
        rescale: whether the highway is scaled by s.

    Attributes:
        weight_ih: [3H, I], or [4H, I] where I is not H; drawn with variance 1/I, the gates' rows with
            half of it.
        weight_peephole: v_f and v_r [2H], drawn with variance 1/2.
        bias: b_f and b_r [2H]; b_f starts at zero.

    Shapes:
        - x: [B, I].
        - c: [B, H].
        - returns: (h', c'): the output is not a part of the state.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.SRUCell(4, 4)
        >>> h, c = cell(torch.zeros(2, 4), cell.initial_state(2))
        >>> tuple(h.shape), tuple(unroll.SRUCell(3, 4).weight_ih.shape)
        ((2, 4), (16, 3))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        highway_bias: float = 0.0,
        rescale: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.highway_bias = highway_bias
        self.scale = (1 + 2 * exp(highway_bias)) ** 0.5 if rescale else 1.0
        self.projects = input_size != hidden_size
        rows = 4 if self.projects else 3
        self.weight_ih = nn.Parameter(torch.empty(rows * hidden_size, input_size))
        self.weight_peephole = nn.Parameter(torch.empty(2 * hidden_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        H, unit_variance = self.hidden_size, 3**0.5
        reach = (3 / self.input_size) ** 0.5
        nn.init.uniform_(self.weight_ih, -reach, reach)
        self.weight_ih[H : 3 * H].mul_(0.5**0.5)
        self.weight_ih[3 * H :].mul_(self.scale)
        nn.init.uniform_(self.weight_peephole, -unit_variance, unit_variance)
        self.weight_peephole.mul_(0.5**0.5)
        nn.init.zeros_(self.bias)
        self.bias[H:] = self.highway_bias

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], c [B, H] -> output h' [B, H], new state c' [B, H]."""
        z, f, r, *projected = linear(x, self.weight_ih).split(self.hidden_size, -1)
        highway = projected[0] if self.projects else self.scale * x
        v_f, v_r = self.weight_peephole.chunk(2)
        b_f, b_r = self.bias.chunk(2)
        f, r = self.tap(
            forget_gate=sigmoid(f + v_f * c + b_f), reset_gate=sigmoid(r + v_r * c + b_r)
        )
        c = f * c + (1 - f) * z
        h = r * c + (1 - r) * highway
        return h, c
