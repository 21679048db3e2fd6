"""Cells as a user would write them from the paper, for the runner. I input, H hidden, B batch."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import logsigmoid

import unroll


class LSTMLike(NamedTuple):
    h: torch.Tensor
    c: torch.Tensor


class TwoFields(unroll.Cell):
    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return LSTMLike(zeros, zeros)


class PeepholeLSTM(TwoFields):
    """Gers & Schmidhuber 2000."""

    def __init__(self, I, H):
        super().__init__(I, H)
        self.read = nn.Linear(I, 4 * H)
        self.recur = nn.Linear(H, 4 * H, bias=False)
        self.peep_i = nn.Parameter(torch.randn(H) * 0.3)
        self.peep_f = nn.Parameter(torch.randn(H) * 0.3)
        self.peep_o = nn.Parameter(torch.randn(H) * 0.3)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.read(x) + self.recur(h)).chunk(4, 1)
        i = torch.sigmoid(i + self.peep_i * c)
        f = torch.sigmoid(f + self.peep_f * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.peep_o * c)
        h = o * torch.tanh(c)
        return h, LSTMLike(h, c)


class CoupledLSTM(TwoFields):
    """Greff et al. 2017, CIFG."""

    def __init__(self, I, H):
        super().__init__(I, H)
        self.read = nn.Linear(I, 3 * H)
        self.recur = nn.Linear(H, 3 * H, bias=False)

    def forward(self, x, state):
        h, c = state
        f, g, o = (self.read(x) + self.recur(h)).chunk(3, 1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMLike(h, c)


class SLSTMState(NamedTuple):
    h: torch.Tensor
    c: torch.Tensor
    n: torch.Tensor
    m: torch.Tensor


class SLSTM(unroll.Cell):
    """Beck et al. 2024, xLSTM."""

    def __init__(self, I, H):
        super().__init__(I, H)
        self.read = nn.Linear(I, 4 * H)
        self.recur = nn.Linear(H, 4 * H, bias=False)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return SLSTMState(zeros, zeros, zeros, zeros)

    def forward(self, x, state):
        h, c, n, m = state
        i, f, z, o = (self.read(x) + self.recur(h)).chunk(4, 1)
        log_f = logsigmoid(f)
        m_new = torch.maximum(log_f + m, i)
        i = torch.exp(i - m_new)
        f = torch.exp(log_f + m - m_new)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        h = torch.sigmoid(o) * (c / n)
        return h, SLSTMState(h, c, n, m_new)


class GRUResetAfter(unroll.Cell):
    """The reset gate acts on the product, as in cuDNN."""

    def __init__(self, I, H):
        super().__init__(I, H)
        self.read = nn.Linear(I, 3 * H)
        self.recur = nn.Linear(H, 3 * H)

    def forward(self, x, h):
        x_r, x_z, x_n = self.read(x).chunk(3, 1)
        h_r, h_z, h_n = self.recur(h).chunk(3, 1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        return h, h


class GRUResetBefore(unroll.Cell):
    """Cho et al. 2014: the reset gate acts on the state, before the product."""

    def __init__(self, I, H):
        super().__init__(I, H)
        self.gates = nn.Linear(I + H, 2 * H)
        self.candidate = nn.Linear(I + H, H)

    def forward(self, x, h):
        r, z = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)
        n = torch.tanh(self.candidate(torch.cat([x, r * h], 1)))
        h = z * h + (1 - z) * n
        return h, h


# name: (cell, gate-sized products of one step; None where two recurrent products follow each other)
WRITTEN = {
    "peephole LSTM": (PeepholeLSTM, 4),
    "coupled LSTM": (CoupledLSTM, 3),
    "sLSTM": (SLSTM, 4),
    "GRU reset-after": (GRUResetAfter, 3),
    "GRU reset-before": (GRUResetBefore, None),
}
