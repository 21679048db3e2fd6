"""One layer in one direction through compiled cells, for numbers that other projects wrote.

    PYTHONPATH=.ci python ../shared/peer_suite/run_vectors.py --adapter vectors:adapter

The cells are written here the way the ONNX operators are specified, and not taken from unroll:
what is compared is what the compiler makes of a step. T time, B batch, I input, H hidden.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

import unroll


class LSTMState(NamedTuple):
    h: Tensor
    c: Tensor


class VectorCell(unroll.Cell):
    """Weights [G*H, I] and [G*H, H] with a bias each; their values come with every call."""

    GATES = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        rows = self.GATES * hidden_size
        self.W = nn.Parameter(torch.zeros(rows, input_size))
        self.R = nn.Parameter(torch.zeros(rows, hidden_size))
        self.b_in = nn.Parameter(torch.zeros(rows))
        self.b_rec = nn.Parameter(torch.zeros(rows))


class ElmanCell(VectorCell):
    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str) -> None:
        super().__init__(input_size, hidden_size)
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        a = linear(x, self.W, self.b_in) + linear(h, self.R, self.b_rec)
        h = torch.tanh(a) if self.nonlinearity == "tanh" else torch.relu(a)
        return h, h


class GatedCell(VectorCell):
    """The GRU, with the reset gate after the product (linear_before_reset) or before it."""

    GATES = 3

    def __init__(self, input_size: int, hidden_size: int, reset_after: bool) -> None:
        super().__init__(input_size, hidden_size)
        self.reset_after = reset_after

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        H = self.hidden_size
        x_r, x_z, x_n = linear(x, self.W, self.b_in).chunk(3, 1)
        h_r, h_z = linear(h, self.R[: 2 * H], self.b_rec[: 2 * H]).chunk(2, 1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        R_n, b_n = self.R[2 * H :], self.b_rec[2 * H :]
        n = r * linear(h, R_n, b_n) if self.reset_after else linear(r * h, R_n, b_n)
        n = torch.tanh(x_n + n)
        h = (1 - z) * n + z * h
        return h, h


class PeepholeCell(VectorCell):
    """The LSTM; where it has peepholes the gates see the cell, where coupled f = 1 - i."""

    GATES = 4

    def __init__(self, input_size: int, hidden_size: int, peephole: bool, coupled: bool) -> None:
        super().__init__(input_size, hidden_size)
        self.coupled = coupled
        self.peephole = peephole
        if peephole:
            self.p_i = nn.Parameter(torch.zeros(hidden_size))
            self.p_f = nn.Parameter(torch.zeros(hidden_size))
            self.p_o = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(self, batch_size, *, dtype=None, device=None) -> LSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return LSTMState(zeros, zeros)

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, f, g, o = (linear(x, self.W, self.b_in) + linear(h, self.R, self.b_rec)).chunk(4, 1)
        if self.peephole:
            i, f = i + self.p_i * c, f + self.p_f * c
        i = torch.sigmoid(i)
        f = 1 - i if self.coupled else torch.sigmoid(f)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.p_o * c) if self.peephole else torch.sigmoid(o)
        h = o * torch.tanh(c)
        return h, LSTMState(h, c)


# the same cell each time, so that the engine plans it once
known_cell = functools.cache(lambda cell, *arguments: cell(*arguments).eval())


@torch.no_grad()
def adapter(
    kind: str,
    x: Tensor,
    W: Tensor,
    R: Tensor,
    b_in: Tensor,
    b_rec: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    peephole: tuple[Tensor, Tensor, Tensor] | None = None,
    reset_after: bool = True,
    coupled: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Outputs [T, B, H], h [B, H], c [B, H] or None; gates in torch's order."""
    sizes = x.shape[2], R.shape[1]
    parameters = {"W": W, "R": R, "b_in": b_in, "b_rec": b_rec}
    state = h0
    if kind == "RNN":
        cell = known_cell(ElmanCell, *sizes, nonlinearity)
    elif kind == "GRU":
        cell = known_cell(GatedCell, *sizes, reset_after)
    else:
        cell = known_cell(PeepholeCell, *sizes, peephole is not None, coupled)
        state = LSTMState(h0, c0)
        if peephole is not None:
            parameters |= dict(zip(("p_i", "p_f", "p_o"), peephole, strict=True))
    # "cpu" is named, so that what cannot be compiled is a failure and not the loop's success
    output, last = unroll.unroll(cell, x, state, parameters=parameters, backend="cpu")
    return (output, *last) if kind == "LSTM" else (output, last, None)
