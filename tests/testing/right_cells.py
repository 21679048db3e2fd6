"""Cells that keep every promise; the wrong cells of the tests each change one thing of them."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

import unroll
from unroll.cells.scan import scan


class RightCell(unroll.Cell):
    """A leaky memory; each wrong cell below changes one thing of it."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size + hidden_size, hidden_size)

    def candidate(self, x, h):
        return torch.tanh(self.read(torch.cat([x, h], 1)))

    def forward(self, x, h):
        h = 0.5 * h + 0.5 * self.candidate(x, h)
        return h, h


class Memory(NamedTuple):
    h: Tensor
    clock: Tensor


class RightClockCell(RightCell):
    """Every second step only, counted in a field of whole numbers; starts from a learned state;
    its output is wider than its memory."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.output_size = 2 * hidden_size
        self.start = nn.Parameter(torch.randn(hidden_size))

    def initial_state(self, batch_size, *, dtype=None, device=None):
        clock = torch.zeros(batch_size, dtype=torch.int64, device=device)
        start = self.start.to(device=device, dtype=dtype)
        return Memory(start.expand(batch_size, self.hidden_size), clock)

    def forward(self, x, state):
        now = (state.clock % 2 == 0)[:, None]
        h = torch.where(now, self.candidate(x, state.h), state.h)
        return torch.cat([h, -h], 1), Memory(h, state.clock + 1)


class RightLinearCell(unroll.Cell):
    """Linear in its state, with a form for all steps at once; each below has a wrong one."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, 2 * hidden_size)

    def keep_and_add(self, x):
        a, b = self.read(x).chunk(2, -1)
        return torch.sigmoid(a), b

    def forward(self, x, h):
        a, b = self.keep_and_add(x)
        h = a * h + b
        return h, h

    def parallel(self, x, h):
        h = scan(*self.keep_and_add(x), h)
        return h, h
