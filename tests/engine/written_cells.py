"""Cells as people write them from papers, and cells that a compiling backend must refuse.

`CELLS` and `REFUSED` make them by name: `CELLS["peephole"](I, H)`. I input, H hidden, B batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unroll


class LSTMLike(NamedTuple):
    h: Tensor
    c: Tensor


class TwoFieldCell(unroll.Cell):
    """An LSTM's state, for the cells below that have one."""

    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return LSTMLike(zeros, zeros.clone())


class PeepholeLSTM(TwoFieldCell):
    """Gers & Schmidhuber 2000: the gates see the cell, through one weight a unit."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 4 * hidden_size)
        self.recur = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.peep_i = nn.Parameter(torch.randn(hidden_size) * 0.3)
        self.peep_f = nn.Parameter(torch.randn(hidden_size) * 0.3)
        self.peep_o = nn.Parameter(torch.randn(hidden_size) * 0.3)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = (self.read(x) + self.recur(h)).chunk(4, 1)
        i = torch.sigmoid(i + self.peep_i * c)
        f = torch.sigmoid(f + self.peep_f * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.peep_o * c)
        h = o * torch.tanh(c)
        return h, LSTMLike(h, c)


class CoupledLSTM(TwoFieldCell):
    """Greff et al. 2017, CIFG: what is forgotten makes room for what is put in."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)
        self.out = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, state):
        both = torch.cat([x, state.h], dim=1)
        f = torch.sigmoid(self.forget(both))
        c = f * state.c + (1 - f) * torch.tanh(self.candidate(both))
        h = torch.sigmoid(self.out(both)) * torch.tanh(c)
        return h, LSTMLike(h=h, c=c)


class SLSTMState(NamedTuple):
    h: Tensor
    c: Tensor
    n: Tensor
    m: Tensor


class SLSTM(unroll.Cell):
    """Beck et al. 2024, xLSTM: an exponential input gate, kept in range by the stabiliser m."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 4 * hidden_size)
        self.recur = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return SLSTMState(zeros, zeros, zeros, zeros)

    def forward(self, x, state):
        h, c, n, m = state
        i, f, z, o = torch.chunk(self.read(x) + self.recur(h), 4, dim=-1)
        log_f = F.logsigmoid(f)
        m_new = torch.maximum(log_f + m, i)
        i = torch.exp(i - m_new)
        f = torch.exp(log_f + m - m_new)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        h = torch.sigmoid(o) * (c / n)
        return h, SLSTMState(h, c, n, m_new)


class GRUResetAfter(unroll.Cell):
    """The GRU of cuDNN and torch: the reset gate acts on the product."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 3 * hidden_size)
        self.recur = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h):
        x_r, x_z, x_n = self.read(x).chunk(3, 1)
        h_r, h_z, h_n = self.recur(h).chunk(3, 1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        return h, h


class GRUResetBefore(unroll.Cell):
    """Cho et al. 2014: the reset gate acts on the state, before the product."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.gates = nn.Linear(input_size + hidden_size, 2 * hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        r, z = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)
        n = torch.tanh(self.candidate(torch.cat([x, r * h], 1)))
        h = z * h + (1 - z) * n
        return h, h


class MinimalGatedUnit(unroll.Cell):
    """Zhou et al. 2016: one gate for both."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        n = torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        h = (1 - f) * h + f * n
        return h, h


class MultiplicativeLSTM(TwoFieldCell):
    """Krause et al. 2016: the recurrence sees the state multiplied by what x makes of it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read_m = nn.Linear(input_size, hidden_size, bias=False)
        self.recur_m = nn.Linear(hidden_size, hidden_size, bias=False)
        self.read = nn.Linear(input_size, 4 * hidden_size)
        self.recur = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def forward(self, x, state):
        h, c = state
        m = self.read_m(x) * self.recur_m(h)
        i, f, o, g = (self.read(x) + self.recur(m)).split(self.hidden_size, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMLike(h, c)


class ProjectedState(NamedTuple):
    r: Tensor
    c: Tensor


class ProjectedLSTM(unroll.Cell):
    """Sak et al. 2014: what is shown and fed back is narrower than the cell."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.output_size = max(1, hidden_size // 2)
        self.read = nn.Linear(input_size, 4 * hidden_size)
        self.recur = nn.Linear(self.output_size, 4 * hidden_size, bias=False)
        self.project = nn.Linear(hidden_size, self.output_size, bias=False)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        return ProjectedState(
            torch.zeros(batch_size, self.output_size, dtype=dtype, device=device),
            torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device),
        )

    def forward(self, x, state):
        i, f, g, o = (self.read(x) + self.recur(state.r)).chunk(4, 1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        r = self.project(torch.sigmoid(o) * torch.tanh(c))
        return r, ProjectedState(r, c)


class ClockworkState(NamedTuple):
    h: Tensor
    clock: Tensor


class ClockworkRNN(unroll.Cell):
    """Koutnik et al. 2014: groups of units with periods 1, 2, 4 that read only slower groups."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        group = torch.arange(hidden_size) * 3 // hidden_size
        self.register_buffer("period", 2**group)
        self.register_buffer("mask", (group[None, :] >= group[:, None]).float())
        self.read = nn.Linear(input_size, hidden_size)
        self.weight = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size**0.5)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        return ClockworkState(
            torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device),
            torch.zeros(batch_size, 1, dtype=torch.int64, device=device),
        )

    def forward(self, x, state):
        h, clock = state
        new = torch.tanh(self.read(x) + F.linear(h, self.weight * self.mask))
        h = torch.where(clock % self.period == 0, new, h)
        return h, ClockworkState(h, clock + 1)


class StackedState(NamedTuple):
    h1: Tensor
    c1: Tensor
    h2: Tensor
    c2: Tensor


class StackedLSTM(unroll.Cell):
    """Two LSTM cells in one step, the second on what the first has just shown."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.first = nn.Linear(input_size + hidden_size, 4 * hidden_size)
        self.second = nn.Linear(2 * hidden_size, 4 * hidden_size)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        size = (batch_size, self.hidden_size)
        return StackedState(*(torch.zeros(size, dtype=dtype, device=device) for _ in range(4)))

    @staticmethod
    def lstm(product, c):
        i, f, g, o = product.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x, state):
        h1, c1, h2, c2 = state
        h1, c1 = self.lstm(self.first(torch.cat([x, h1], 1)), c1)
        h2, c2 = self.lstm(self.second(torch.cat([h1, h2], 1)), c2)
        return h2, StackedState(h1, c1, h2, c2)


class NestedState(NamedTuple):
    lower: unroll.LSTMState
    upper: unroll.LSTMState


class NestedLSTMs(unroll.Cell):
    """Two of unroll's own LSTM cells in one step, with a skip connection; the states nest."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.lower = unroll.LSTMCell(input_size, hidden_size)
        self.upper = unroll.LSTMCell(hidden_size, hidden_size)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        like = {"dtype": dtype, "device": device}
        return NestedState(
            self.lower.initial_state(batch_size, **like),
            self.upper.initial_state(batch_size, **like),
        )

    def forward(self, x, state):
        shown, lower = self.lower.step(x, state.lower)
        output, upper = self.upper.step(shown, state.upper)
        return output + shown, NestedState(lower, upper)


class LayerNormLSTM(TwoFieldCell):
    """Ba et al. 2016: both products and the cell are normalised over the features."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.recur = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.bias = nn.Parameter(torch.randn(4 * hidden_size) * 0.1)
        self.gain_x = nn.Parameter(torch.rand(4 * hidden_size) + 0.5)
        self.gain_h = nn.Parameter(torch.rand(4 * hidden_size) + 0.5)
        self.norm_c = nn.LayerNorm(hidden_size)

    def forward(self, x, state):
        h, c = state
        over = (4 * self.hidden_size,)
        gates = F.layer_norm(self.read(x), over, self.gain_x, self.bias)
        gates = gates + F.layer_norm(self.recur(h), over, self.gain_h)
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(self.norm_c(c))
        return h, LSTMLike(h, c)


class JordanNetwork(unroll.Cell):
    """Jordan 1986: the output is fed back, not the hidden layer; the state is the output."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.output_size = hidden_size // 2 + 1
        self.read = nn.Linear(input_size, hidden_size)
        self.back = nn.Linear(self.output_size, hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, self.output_size)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        return torch.zeros(batch_size, self.output_size, dtype=dtype, device=device)

    def forward(self, x, y):
        hidden = torch.sigmoid(self.read(x) + self.back(y))
        y = torch.sigmoid(self.out(hidden))
        return y, y


class IRNN(unroll.Cell):
    """Le et al. 2015: rectified, and the recurrence starts as the identity."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.eye_(self.recur.weight)

    def forward(self, x, h):
        h = F.relu(self.read(x) + self.recur(h))
        return h, h


class IndRNN(unroll.Cell):
    """Li et al. 2018: every unit recurs only to itself."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.u = nn.Parameter(torch.rand(hidden_size) * 2 - 1)

    def forward(self, x, h):
        h = torch.relu(self.read(x) + self.u * h)
        return h, h


class RecurrentHighway(unroll.Cell):
    """Zilly et al. 2017: two highway layers inside one step, x enters the first."""

    def __init__(self, input_size, hidden_size, depth=2):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.layers = nn.ModuleList(nn.Linear(hidden_size, 2 * hidden_size) for _ in range(depth))

    def forward(self, x, s):
        for k, layer in enumerate(self.layers):
            product = layer(s)
            if k == 0:
                product = product + self.read(x)
            h, t = product.chunk(2, 1)
            t = torch.sigmoid(t)
            s = torch.tanh(h) * t + s * (1 - t)
        return s, s


class MinimalRNN(unroll.Cell):
    """Chen 2017: x is embedded, and one gate mixes it into the state."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.embed = nn.Linear(input_size, hidden_size)
        self.update = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x, h):
        z = torch.tanh(self.embed(x))
        u = torch.sigmoid(self.update(torch.cat([h, z], dim=-1)))
        h = u * h + (1 - u) * z
        return h, h


CELLS: dict[str, Callable[[int, int], unroll.Cell]] = {
    "peephole": PeepholeLSTM,
    "coupled": CoupledLSTM,
    "slstm": SLSTM,
    "gru-reset-after": GRUResetAfter,
    "gru-reset-before": GRUResetBefore,
    "minimal-gated": MinimalGatedUnit,
    "multiplicative": MultiplicativeLSTM,
    "projected": ProjectedLSTM,
    "clockwork": ClockworkRNN,
    "stacked": StackedLSTM,
    "nested": NestedLSTMs,
    "layer-norm": LayerNormLSTM,
    "jordan": JordanNetwork,
    "irnn": IRNN,
    "indrnn": IndRNN,
    "highway": RecurrentHighway,
    "minimal-rnn": MinimalRNN,
}


# ----- cells to refuse ----------------------------------------------------------------------------

# the one batch size that the baked cell runs with
BAKED_BATCH = 7


class RefusedCell(unroll.Cell):
    """A plain step; each cell below adds what cannot be compiled."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)

    def plain(self, x, h):
        return torch.tanh(self.read(x) + self.recur(h))


class BranchesOnValues(RefusedCell):
    """Which line runs depends on numbers."""

    def forward(self, x, h):
        new = self.plain(x, h)
        if h.sum() > 0:
            new = 0.5 * new
        return new, new


class DrawsNumbers(RefusedCell):
    """Draws random numbers itself instead of declaring them in noise()."""

    def forward(self, x, h):
        h = self.plain(x, h + 0.1 * torch.rand_like(h))
        return h, h


class DropsOut(RefusedCell):
    """torch's own dropout, on in training: it draws as well."""

    def forward(self, x, h):
        h = F.dropout(self.plain(x, h), 0.25, self.training)
        return h, h


class BakedBatch(RefusedCell):
    """Right for one batch size only."""

    def forward(self, x, h):
        h = self.plain(x.reshape(-1).view(BAKED_BATCH, -1), h)
        return h, h


class Sorts(RefusedCell):
    def forward(self, x, h):
        h = torch.sort(self.plain(x, h), dim=1).values
        return h, h


class SingularValue(RefusedCell):
    """Divides by the largest singular value of a matrix of the state."""

    def forward(self, x, h):
        h = self.plain(x, h)
        matrix = torch.einsum("bi,bj->bij", h, h) + torch.eye(h.shape[1], dtype=h.dtype)
        h = h / torch.linalg.svd(matrix).S[:, :1]
        return h, h


class SumsUp(RefusedCell):
    """Running sums along the features."""

    def forward(self, x, h):
        h = torch.tanh(torch.cumsum(self.plain(x, h), 1))
        return h, h


# all of them run on the loop, with a batch of BAKED_BATCH and in training mode
REFUSED: dict[str, Callable[[int, int], unroll.Cell]] = {
    "branch": BranchesOnValues,
    "rand_like": DrawsNumbers,
    "dropout": DropsOut,
    "baked-batch": BakedBatch,
    "sort": Sorts,
    "svd": SingularValue,
    "cumsum": SumsUp,
}
