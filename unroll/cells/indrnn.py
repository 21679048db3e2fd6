"""The independently recurrent network (Li et al. 2018): each unit remembers only itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn, relu
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class IndRNNCell(Cell):
    """The independently recurrent cell: a vector of recurrent weights instead of a matrix.

    When to use it: long sequences and deep stacks. The gradient of a unit through time is a power
    of its own weight, so it neither vanishes nor explodes where that weight is kept near one; units
    meet in the next layer. Without saturation (relu) twenty layers and thousands of steps train.

    Equations, with one recurrent weight u per unit:

        h' = relu(W x + u * h + b)

    The relu of the state makes it nonlinear: it has no parallel form.

    For sequences of T steps |u| must not pass 2^(1/T): then no gradient grows more than twofold
    over a sequence. `steps=T` draws u from 0 .. 2^(1/T) and sets the `bound` that `constrain()`
    enforces: call it after each step of the optimizer, as the authors do. Where only the last
    output is read, they draw u of the last layer from 2^(-1/T) .. 2^(1/T), so that it forgets
    nothing: `torch.nn.init.uniform_(cell.weight_hh, 1 / cell.bound, cell.bound)`.

    Source: S. Li et al., Independently recurrent neural network (IndRNN): building a longer and
    deeper RNN, 2018 (https://arxiv.org/abs/1803.04831).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        steps: T, the length of the sequences, at least 1. None: no bound, and u is drawn from 0 .. 1.

    Attributes:
        weight_ih: [H, I], uniform in +-1/sqrt(H) at the start.
        weight_hh: u [H], see above.
        bias: [H], uniform in +-1/sqrt(H) at the start.
        bound: the largest |u| that `constrain()` allows, or None.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h').

    Raises:
        ValueError: steps is below 1.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.IndRNNCell(3, 4, steps=100)
        >>> round(cell.bound, 4), bool((cell.weight_hh <= cell.bound).all())
        (1.007, True)
    """

    def __init__(self, input_size: int, hidden_size: int, *, steps: int | None = None) -> None:
        super().__init__(input_size, hidden_size)
        if steps is not None and steps < 1:
            raise ValueError(
                f"IndRNNCell got steps={steps}; expected the length of the sequences, at least 1, "
                "or None for no bound."
            )
        self.bound = None if steps is None else 2 ** (1 / steps)
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        super().reset_parameters()
        nn.init.uniform_(self.weight_hh, 0, 1 if self.bound is None else self.bound)

    @torch.no_grad()
    def constrain(self) -> None:
        """Clamp the recurrent weights to -bound .. bound."""
        if self.bound is not None:
            self.weight_hh.clamp_(-self.bound, self.bound)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        h = relu(linear(x, self.weight_ih, self.bias) + self.weight_hh * h)
        return h, h
