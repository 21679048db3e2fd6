"""Cells that are compiled once, and how they are compared with the loop.

T time, B batch, I input, H hidden.
"""

import functools
from functools import partial

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import fields, map_state
from unroll.engine import backends
from unroll.engine.cpu import build

from ..written_cells import CELLS

REASON = build.unavailable()
# what every file that runs these cells begins with
compiled = [
    pytest.mark.skipif(REASON is not None, reason=f"no kernels here: {REASON}"),
    pytest.mark.usefixtures("compiled_cells", "nothing_warned_yet"),
]


def projected(I, H):
    return unroll.ProjectedLSTMCell(I, H, proj_size=max(1, H // 3))


MAKE = {
    "lstm": unroll.LSTMCell,
    "gru": unroll.GRUCell,
    "tanh": unroll.RNNCell,
    "relu": partial(unroll.RNNCell, nonlinearity="relu"),
    "projected": projected,
    "peephole": CELLS["peephole"],
    "reset-before": CELLS["gru-reset-before"],
    "slstm": CELLS["slstm"],
    "layer-norm": CELLS["layer-norm"],
    "clockwork": CELLS["clockwork"],
    "nested": CELLS["nested"],
}


I, H = 3, 7


SINGLE = ["lstm", "gru", "tanh", "relu", "projected", "reset-before", "slstm", "clockwork"]


class Scaled(unroll.Cell):
    """The plainest step, with an attribute that it uses; x enters the loop as it is."""

    def __init__(self, input_size, hidden_size, alpha=0.5):
        super().__init__(input_size, hidden_size)
        self.u = nn.Parameter(torch.rand(hidden_size))
        self.alpha = alpha

    def forward(self, x, h):
        h = torch.tanh(x + self.alpha * self.u * h)
        return h, h


class Plain(unroll.Cell):
    """The plainest step with products, in submodules that may be hooked and parametrized."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)
        self.recur = nn.Linear(hidden_size, hidden_size)
        self.activation = torch.tanh

    def forward(self, x, h):
        h = self.activation(self.read(x) + self.recur(h))
        return h, h


@functools.cache
def the_cell(name, I=I, H=H, dtype=torch.float64):
    """One cell of each kind and size, because planning one takes a while."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sum(map(ord, name)) + I + H)
        return MAKE[name](I, H).to(dtype)


def leaf(tensor):
    return tensor.detach().clone().requires_grad_(tensor.is_floating_point())


def used_state(cell, B, dtype=torch.float64):
    with torch.no_grad():
        x = torch.randn(3, B, cell.input_size, dtype=dtype)
        return unroll.unroll(cell, x, backend="loop")[1]


def results(cell, x, state=None, *, seed=1, run=None, **keywords):
    """Outputs, final state and all gradients, by name, from random cotangents on everything."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    if state is not None:
        state = map_state(leaf, state)
    output, last = unroll.unroll(cell, x, state, **keywords)
    found = {"output": output} | {f"final {n}": s for n, s in fields(last)}
    leaves = {"x": x} | dict(cell.named_parameters())
    if state is not None:
        leaves |= {f"state {n}": s for n, s in fields(state) if s.is_floating_point()}
    numbers = torch.Generator().manual_seed(seed)
    roots, cotangents = [], []
    for value in found.values():
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=numbers, dtype=torch.float64)
            if value.requires_grad:
                roots.append(value)
                cotangents.append(drawn.to(value.dtype))
    if roots:
        gradients = torch.autograd.grad(
            roots, list(leaves.values()), cotangents, allow_unused=True, materialize_grads=True
        )
    else:
        gradients = [torch.zeros_like(v) for v in leaves.values()]
    return {n: v.detach() for n, v in found.items()} | {
        f"d {n}": g for n, g in zip(leaves, gradients, strict=True)
    }


def largest(tensor):
    return tensor.double().abs().max().item() if tensor.numel() else 0.0


def assert_equal(got, expected, tolerance=1e-10):
    """Relative to the largest magnitude of each tensor; what only cancels has no magnitude of
    its own and is taken relative to a thousandth of the largest of all."""
    assert list(got) == list(expected)
    overall = max((largest(v) for v in expected.values() if v.is_floating_point()), default=0)
    for name, right in expected.items():
        ours = got[name]
        assert (ours.shape, ours.dtype) == (right.shape, right.dtype), name
        if not right.is_floating_point():
            assert torch.equal(ours, right), name
            continue
        apart = largest(ours - right)
        assert apart <= tolerance * max(largest(right), 1e-3 * overall), f"{name}: {apart}"


def assert_as_the_loop(cell, x, state=None, **keywords):
    expected = results(cell, x, state, backend="loop", **keywords)
    got = results(cell, x, state, backend="cpu", **keywords)
    assert_equal(got, expected)
    return got


T, B = 5, 4


LENGTHS = {"all": None, "ragged": [3, 0, 5, 1], "full": [5, 5, 5, 5], "none": [0, 0, 0, 0]}


RESETS = {
    "no": None,
    "some": [[0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]],
    "every": [[1] * 4] * 5,
}


def inside(tensor):
    """Columns in the middle of a wider tensor."""
    return nn.functional.pad(tensor, (1, 2), value=torch.nan)[..., 1:-2]


def ours_and_the_loops(cell, x, **keywords):
    with torch.no_grad():
        ours = unroll.unroll(cell, x, backend="cpu", **keywords)[0]
        return ours, unroll.unroll(cell, x, backend="loop", **keywords)[0]


def chosen_by_auto(cell, x, **keywords):
    """Which backend `auto` takes, and its numbers against the loop's."""
    ran = []
    for name, module in backends.BACKENDS.items():
        real = module.run
        module.run = lambda call, name=name, real=real: ran.append(name) or real(call)
    try:
        output, _ = unroll.unroll(cell, x, **keywords)
    finally:
        for module in backends.BACKENDS.values():
            module.run = originals[module.NAME]
    return ran, output


originals = {name: module.run for name, module in backends.BACKENDS.items()}
