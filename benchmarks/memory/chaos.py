"""Mackey-Glass for cells that are trained: the series, the split and the error of mackey_glass.py.

At every step the value 10 steps ahead is to be said. Learned from are pieces of the 2,000 steps;
the test is one run over the whole series, judged at the 500 steps that follow.
"""

from functools import cached_property

import torch
from torch.nn.functional import mse_loss

from benchmarks.memory.mackey_glass import AHEAD, BAR, TEST, TRAIN, mackey_glass, nrmse, scaled

PIECE, WASHOUT = 200, 100


class Chaos:
    name = "mackey glass"
    unit, bar, better = "NRMSE", BAR, "below"
    inputs, outputs, batch_size = 1, 1, 16
    whole = False
    solved = None  # the whole time is used, and the rate falls to zero

    @cached_property
    def series(self):
        return scaled(torch.tensor(mackey_glass(), dtype=torch.float64)).float()

    def batch(self, generator, size=batch_size):
        """x [200, B, 1]; what comes 10 steps after each of the last 100, [100, B, 1]."""
        starts = torch.randint(TRAIN - PIECE + 1, (size,), generator=generator)
        steps = torch.arange(PIECE)[:, None] + starts
        x, y = self.series[steps], self.series[steps[WASHOUT:] + AHEAD]
        return x[..., None], y[..., None]

    def test(self):
        series = self.series
        return [(series[:-AHEAD].reshape(-1, 1, 1), series[-TEST:].reshape(-1, 1, 1))]

    def loss(self, said, targets):
        return mse_loss(said, targets)

    def score(self, said, targets):
        return nrmse(said, targets)


TASKS = [Chaos()]
