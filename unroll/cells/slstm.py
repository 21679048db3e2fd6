"""The scalar LSTM of xLSTM, with exponential gates (Beck et al. 2024)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, cat, exp, maximum, nn, sigmoid, tanh, where
from torch.nn.functional import linear, logsigmoid

from unroll.cells.cell import Cell

ForgetGate = Literal["sigmoid", "exponential"]


class SLSTMState(NamedTuple):
    """The state of `SLSTMCell`.

    Attributes:
        h: the output [B, H].
        c: the memory [B, H], divided by exp(m).
        n: the normaliser [B, H]: the sum of the weights in c, divided by exp(m).
        m: the stabiliser [B, H], which keeps c and n finite.
    """

    h: Tensor
    c: Tensor
    n: Tensor
    m: Tensor


class SLSTMCell(Cell):
    """The sLSTM: an LSTM whose exponential input gate can outweigh everything that is stored.

    When to use it: to revise a decision when better evidence comes, and to track states; it is the
    recurrent half of xLSTM. Heads make its recurrent product cheaper.

    Equations (gate order i, f, z, o in the rows of the weights, z where torch has g):

        i~ = W_ii x + W_hi h + b_i
        f~ = W_if x + W_hf h + b_f
        z = tanh(W_iz x + W_hz h + b_z)               candidate
        o = sigmoid(W_io x + W_ho h + b_o)            output gate
        m' = max(log f + m, i~)                       stabiliser; log f = log sigmoid(f~), or f~
        i = exp(i~ - m')                              input gate
        f = exp(log f + m - m')                       forget gate
        c' = f * c + i * z
        n' = f * n + i                                normaliser
        h' = o * c' / n'

    W_h is block-diagonal: a head's gates read the h of that head alone. Before the first step,
    where n is zero, m' = i~, as in the authors' code; with the paper's equations m' is the same
    from an m of minus infinity. h' does not depend on m. The paper's block (convolution, group
    norm, projections) is around the cell, not in it.

    Source: M. Beck et al., xLSTM: Extended long short-term memory, 2024
    (https://arxiv.org/abs/2405.04517), and the authors' code (https://github.com/NX-AI/xlstm).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        heads: the number of blocks of W_h; it divides H.
        forget_gate: "sigmoid", as in the authors' code, or "exponential".

    Attributes:
        weight_ih: [4H, I], uniform in +-1/sqrt(H) at the start, as torch's.
        weight_hh: [4H, H/heads], the rows of i, f, z and o each head by head; uniform in
            +-1/sqrt(H) at the start (the authors start it at zero).
        bias: [4H]. As in the authors' code for a single block, the bias of f falls from 5 to -7 in
            each head, so that some units keep what others forget; the others start at zero.

    Shapes:
        - x: [B, I].
        - state: SLSTMState(h, c, n, m), each [B, H].
        - returns: (h', SLSTMState(h', c', n', m')).

    Raises:
        ValueError: heads does not divide hidden_size, or forget_gate is unknown.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.SLSTMCell(3, 4, heads=2), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.n.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        heads: int = 1,
        forget_gate: ForgetGate = "sigmoid",
    ) -> None:
        if heads < 1 or hidden_size % heads:
            raise ValueError(
                f"SLSTMCell got heads={heads} and hidden_size={hidden_size}; expected heads of equal "
                "width. Choose a hidden_size that is a multiple of heads."
            )
        if forget_gate not in get_args(ForgetGate):
            raise ValueError(
                f"SLSTMCell got forget_gate={forget_gate!r}; expected one of "
                f"{', '.join(map(repr, get_args(ForgetGate)))}."
            )
        super().__init__(input_size, hidden_size)
        self.heads = heads
        self.forget_gate = forget_gate
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size // heads))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights again, as torch's cells do; the forget biases fall from 5 to -7."""
        super().reset_parameters()
        nn.init.zeros_(self.bias)
        falling = 5 - 12 * torch.linspace(0, 1, self.hidden_size // self.heads) ** 0.3
        self.bias.chunk(4)[1].copy_(falling.repeat(self.heads))

    def from_heads(self, h: Tensor) -> Tensor:
        """W_h h [B, 4H]: each head's gates from the h of that head alone."""
        pairs = zip(h.chunk(self.heads, 1), self.weight_hh.chunk(self.heads), strict=True)
        heads = [linear(units, weight).chunk(4, 1) for units, weight in pairs]
        return cat([head[gate] for gate in range(4) for head in heads], 1)

    def forward(self, x: Tensor, state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        """One step: x [B, I], state (h, c, n, m), each [B, H] -> output h' [B, H], new state."""
        h, c, n, m = state
        i, f, z, o = (linear(x, self.weight_ih, self.bias) + self.from_heads(h)).chunk(4, 1)
        z, o = self.tap(candidate=tanh(z), output_gate=sigmoid(o))
        log_f = logsigmoid(f) if self.forget_gate == "sigmoid" else f
        kept = where(n == 0, -torch.inf, log_f + m)  # before the first step nothing is stored
        m = maximum(kept, i)
        i, f = self.tap(input_gate=exp(i - m), forget_gate=exp(kept - m))
        c = f * c + i * z
        n = f * n + i
        h = o * c / n
        return h, SLSTMState(h, c, n, m)

    def initial_state(self, batch_size: int, **like: Any) -> SLSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return SLSTMState(zeros, zeros, zeros, zeros)
