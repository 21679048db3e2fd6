"""The quasi-recurrent network (Bradbury et al. 2016): convolutions and a pooling over time."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.scan import scan
from unroll.cells.state import State

GATES = {"f": 2, "fo": 3, "ifo": 4}


class QRNNState(NamedTuple):
    """The state of `QRNNCell` with a window of 2.

    Attributes:
        c: the memory [B, H].
        previous: the inputs of the step before [B, I].
    """

    c: Tensor
    previous: Tensor


class QRNNCell(Cell):
    """The quasi-recurrent cell: gates from the inputs alone, then pooling over time.

    When to use it: fast language models and classifiers. Linear in its state, so a sequence needs
    no loop over time. `window=2` lets the gates see the step before, which the authors use for the
    first layer of a stack.

    Equations of fo-pooling (order z, f, o, i in the rows of the weights, those that exist):

        z = tanh(W_z x + V_z previous + b_z)        candidate
        f = sigmoid(W_f x + V_f previous + b_f)     forget gate
        o = sigmoid(W_o x + V_o previous + b_o)     output gate
        c' = f * c + (1 - f) * z = z + f * (c - z)
        h' = o * c'

    Without a window there is no V and no previous. `pooling="f"` has no o: h' = c'. `pooling="ifo"`
    has an input gate i of its own: c' = f * c + i * z. f keeps the old memory, as in the paper; the
    authors' code writes it the other way. Before the first step the inputs are zeros, the paper's
    masked convolution.

    The inputs of the step before are a part of the state, so a sequence may be split anywhere;
    where the cell is compiled step by step, V previous is a product inside the loop.

    Source: J. Bradbury et al., Quasi-recurrent neural networks, 2016
    (https://arxiv.org/abs/1611.01576).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        window: 1 or 2, the number of steps that the convolution sees.
        pooling: "fo", "f" or "ifo".

    Attributes:
        weight_ih: `[G*H, I]`, with G = 2, 3 or 4 for "f", "fo" and "ifo".
        weight_previous: `[G*H, I]`; only with window=2.
        bias: `[G*H]`.

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: c [B, H], or with window=2 QRNNState(c [B, H], previous [B, I]).
        - returns: (h', c'), or with window=2 (h', QRNNState(c', x)). `parallel(x [T, B, I], state)`
              returns them for every step, [T, B, ...].

    Raises:
        ValueError: window or pooling is unknown.

    Examples:
        >>> import torch, unroll
        >>> output, state = unroll.unroll(unroll.QRNNCell(3, 4, window=2), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(state.previous.shape)
        ((5, 2, 4), (2, 3))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        window: int = 1,
        pooling: Literal["f", "fo", "ifo"] = "fo",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if window not in (1, 2):
            raise ValueError(
                f"QRNNCell got window={window}; expected 1 or 2, the steps that the gates see."
            )
        if pooling not in GATES:
            raise ValueError(
                f"QRNNCell got pooling={pooling!r}; expected one of {', '.join(GATES)}."
            )
        self.window = window
        self.pooling = pooling
        rows = GATES[pooling] * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        if window == 2:
            self.weight_previous = nn.Parameter(torch.empty(rows, input_size))
        self.bias = nn.Parameter(torch.empty(rows))
        self.reset_parameters()

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step: x [B, I], c [B, H] -> output h' [B, H], new state [B, H].

        With window=2 the state is QRNNState(c [B, H], previous [B, I]), before and after.
        """
        c, previous = state if self.window == 2 else (state, None)
        z, f, o, i = self.gates(x, previous)
        c = z + f * (c - z) if i is None else f * c + i * z
        return c if o is None else o * c, QRNNState(c, x) if self.window == 2 else c

    def parallel(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """All steps at once, without a loop over time.

        Args:
            x: the inputs [T, B, I].
            state: before the first step, c [B, H]; with window=2 QRNNState(c [B, H], previous [B, I]).

        Returns:
            The outputs [T, B, H], and the states after each step: c [T, B, H], or with window=2
            QRNNState(c [T, B, H], previous [T, B, I]).
        """
        c, previous = state if self.window == 2 else (state, None)
        if previous is not None:
            previous = torch.cat([previous[None], x])[:-1]
        z, f, o, i = self.gates(x, previous)
        c = scan(f, (1 - f) * z if i is None else i * z, c)
        return c if o is None else o * c, QRNNState(c, x) if self.window == 2 else c

    def gates(
        self, x: Tensor, previous: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Candidate and gates; None for those that this pooling does not have.

        Args:
            x: the inputs [..., I].
            previous: the inputs of the step before [..., I]; None with window=1.

        Returns:
            Candidate z, forget gate f, output gate o (None with pooling="f") and input gate i (None but
            with pooling="ifo"), each [..., H].
        """
        sums = linear(x, self.weight_ih, self.bias)
        if previous is not None:
            sums = sums + linear(previous, self.weight_previous)
        z, f, *further = sums.split(self.hidden_size, -1)
        z, f = self.tap(candidate=tanh(z), forget_gate=sigmoid(f))
        o = self.tap(output_gate=sigmoid(further[0])) if self.pooling != "f" else None
        i = self.tap(input_gate=sigmoid(further[1])) if self.pooling == "ifo" else None
        return z, f, o, i

    def initial_state(self, batch_size: int, **like: Any) -> State:
        c = super().initial_state(batch_size, **like)
        if self.window == 1:
            return c
        return QRNNState(c, torch.zeros(batch_size, self.input_size, **like))
