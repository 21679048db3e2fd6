"""The three mutated units that a search of architectures found (Jozefowicz et al. 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class MutatedCell(Cell):
    """What the three have in common: blocks of weights, and the input as wide as the state.

    Attributes:
        input_blocks: how many matrices [H, I] weight_ih stacks.
        recurrent_blocks: how many matrices [H, H] weight_hh stacks.
        takes_input_itself: whether an equation has x with no matrix before it.
    """

    input_blocks = 3
    recurrent_blocks = 3
    takes_input_itself = True

    input_projection: nn.Parameter | None

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(self.input_blocks * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(self.recurrent_blocks * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        projects = self.takes_input_itself and input_size != hidden_size
        projection = torch.empty(hidden_size, input_size)
        self.register_parameter("input_projection", nn.Parameter(projection) if projects else None)
        self.reset_parameters()

    def widened(self, x: Tensor) -> Tensor:
        """x [B, I] as wide as the state [B, H]: itself where I = H, as printed; else through a matrix."""
        return x if self.input_projection is None else linear(x, self.input_projection)


class MUT1Cell(MutatedCell):
    """The first mutated unit: a GRU whose update gate does not see the state.

    When to use it: a baseline beside the GRU; the search found such units better than LSTM and GRU
    on some of its tasks, not on all. Its update gate is computed for all steps at once.

    Equations (row order r, z in weight_ih; r, n in weight_hh; r, z, n in the bias):

        z = sigmoid(W_xz x + b_z)                            update gate
        r = sigmoid(W_xr x + W_hr h + b_r)                   reset gate
        n = tanh(W_hh (r * h) + tanh(x) + b_h)               candidate
        h' = n * z + h * (1 - z)

    As printed, where tanh(x) fits only an x as wide as h. Where I = H it is x itself; otherwise
    W_xh x replaces it, with a learnt matrix without a bias, `input_projection`. Keras's
    former `JZS1` did the same with a fixed random matrix; theanets and torchrecurrent always learn
    one. A z of one replaces the state: it is 1 - z of torch's GRU.

    Source: R. Jozefowicz, W. Zaremba and I. Sutskever, An empirical exploration of recurrent
    network architectures, 2015 (https://proceedings.mlr.press/v37/jozefowicz15.html).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: [2H, I].
        weight_hh: [2H, H].
        bias: [3H].
        input_projection: W_xh [H, I] where I is not H, else None.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.MUT1Cell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
        >>> unroll.MUT1Cell(4, 4).input_projection is None
        True
    """

    input_blocks = 2
    recurrent_blocks = 2

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        W_hr, W_hh = self.weight_hh.chunk(2)
        b_r, b_z, b_h = self.bias.chunk(3)
        x_r, x_z = linear(x, self.weight_ih).chunk(2, 1)
        z = self.tap(update_gate=sigmoid(x_z + b_z))
        r = self.tap(reset_gate=sigmoid(x_r + linear(h, W_hr) + b_r))
        n = self.tap(candidate=tanh(linear(r * h, W_hh) + tanh(self.widened(x)) + b_h))
        h = n * z + h * (1 - z)
        return h, h


class MUT2Cell(MutatedCell):
    """The second mutated unit: a GRU whose reset gate takes the input as it is.

    When to use it: a baseline beside the GRU, and to repeat the paper.

    Equations (row order z, n in weight_ih; r, z, n in weight_hh and in the bias):

        z = sigmoid(W_xz x + W_hz h + b_z)                   update gate
        r = sigmoid(x + W_hr h + b_r)                        reset gate
        n = tanh(W_hh (r * h) + W_xh x + b_h)                candidate
        h' = n * z + h * (1 - z)

    As printed, where the x of the reset gate fits only an x as wide as h. Where I = H it is x
    itself; otherwise W_xr x replaces it, with a learnt matrix without a bias,
    `input_projection`. A z of one replaces the state: it is 1 - z of torch's GRU.

    Source: R. Jozefowicz, W. Zaremba and I. Sutskever, An empirical exploration of recurrent
    network architectures, 2015 (https://proceedings.mlr.press/v37/jozefowicz15.html).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: [2H, I].
        weight_hh: [3H, H].
        bias: [3H].
        input_projection: W_xr [H, I] where I is not H, else None.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'), each [B, H].

    Raises:
        RuntimeError: from torch, where the width of x is not I.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.MUT2Cell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    input_blocks = 2

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        W_gates, W_hh = self.weight_hh.split([2 * self.hidden_size, self.hidden_size])
        b_r, b_z, b_h = self.bias.chunk(3)
        x_z, x_h = linear(x, self.weight_ih).chunk(2, 1)
        h_r, h_z = linear(h, W_gates).chunk(2, 1)
        z = self.tap(update_gate=sigmoid(x_z + h_z + b_z))
        r = self.tap(reset_gate=sigmoid(self.widened(x) + h_r + b_r))
        n = self.tap(candidate=tanh(linear(r * h, W_hh) + x_h + b_h))
        h = n * z + h * (1 - z)
        return h, h


class MUT3Cell(MutatedCell):
    """The third mutated unit: a GRU whose update gate sees the tanh of the state.

    When to use it: a baseline beside the GRU, and to repeat the paper. It is the one of the three
    that takes an input of any width as printed.

    Equations (row order r, z, n in the weights and the bias, as torch's GRU):

        z = sigmoid(W_xz x + W_hz tanh(h) + b_z)             update gate
        r = sigmoid(W_xr x + W_hr h + b_r)                   reset gate
        n = tanh(W_hh (r * h) + W_xh x + b_h)                candidate
        h' = n * z + h * (1 - z)

    A z of one replaces the state: it is 1 - z of torch's GRU.

    Source: R. Jozefowicz, W. Zaremba and I. Sutskever, An empirical exploration of recurrent
    network architectures, 2015 (https://proceedings.mlr.press/v37/jozefowicz15.html).

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
        >>> output, last = unroll.unroll(unroll.MUT3Cell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    takes_input_itself = False

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        W_hr, W_hz, W_hh = self.weight_hh.chunk(3)
        x_r, x_z, x_h = linear(x, self.weight_ih, self.bias).chunk(3, 1)
        z = self.tap(update_gate=sigmoid(x_z + linear(tanh(h), W_hz)))
        r = self.tap(reset_gate=sigmoid(x_r + linear(h, W_hr)))
        n = self.tap(candidate=tanh(linear(r * h, W_hh) + x_h))
        h = n * z + h * (1 - z)
        return h, h
