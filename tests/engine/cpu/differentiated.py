"""Cells whose gradients are compared with those of the loop.

T time, B batch, I input, H hidden.
"""

import functools
from functools import partial

import pytest
import torch

import unroll
from unroll.cells import fields
from unroll.engine.cpu import build

from ..written_cells import CELLS

REASON = build.unavailable()
# what every file that runs these cells begins with
compiled = [
    pytest.mark.skipif(REASON is not None, reason=f"no kernels here: {REASON}"),
    pytest.mark.usefixtures("differentiated_cells", "nothing_warned_yet"),
]


T, B, I, H = 4, 3, 2, 5


LENGTHS = [2, 4, 0]


MAKE = {
    "lstm": unroll.LSTMCell,
    "gru": unroll.GRUCell,
    "tanh": unroll.RNNCell,
    "projected": partial(unroll.ProjectedLSTMCell, proj_size=2),
    "reset-before": CELLS["gru-reset-before"],
    "clockwork": CELLS["clockwork"],
}


@functools.cache
def shared(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return MAKE[name](I, H).double()


def smooth(state):
    return [s for _, s in fields(state) if s.is_floating_point()]


def run(cell, x, state=None, backend="cpu", **keywords):
    """Outputs and final state, flat, without whole numbers."""
    output, last = unroll.unroll(cell, x, state, backend=backend, **keywords)
    return [output, *smooth(last)]


def weighted(values, seed=3):
    """A loss of fixed weights, which nothing draws, so that it may stand inside of torch.func."""
    return sum(
        (v * torch.arange(v.numel(), dtype=v.dtype).add(seed).sin().reshape(v.shape)).sum()
        for v in values
    )


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)
