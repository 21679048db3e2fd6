"""The compiled CPU backend against the reference loop: numbers, shapes, threads, refusals.

T time, B batch, I input, H hidden.
"""

import copy
import ctypes
import functools
import gc
import inspect
import io
import logging
import os
import pickle
import signal
import threading
import time
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, weight_norm
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

import unroll
from unroll.cells import fields, map_state
from unroll.engine import backends, cpu, loop
from unroll.engine.call import checked_call
from unroll.engine.cpu import build, kernels, preparation
from unroll.engine.cpu.threads import Split

from ..prebuilt import prebuild
from ..rounding import allowed, outside
from ..written_cells import BAKED_BATCH, CELLS, REFUSED

REASON = build.unavailable()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"no kernels here: {REASON}")


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


@pytest.fixture(scope="module", autouse=True)
def built():
    """Every step of this file compiled in two builds; one step serves all sizes."""
    for dtype, names in ((torch.float64, MAKE), (torch.float32, SINGLE)):
        cells = [MAKE[n](I, H).to(dtype) for n in names]
        cells += [m(2, 2).to(dtype) for m in (Scaled, Plain)]
        prebuild([(c, True) for c in cells], dtype)


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch):
    monkeypatch.delenv("UNROLL_BACKEND", raising=False)
    monkeypatch.setattr(backends, "_warned", set())


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


# ----- numbers ------------------------------------------------------------------------------------

SIZES = [(8, 1), (1, 7), (8, 37)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", MAKE)
def test_values_and_gradients_are_the_loops_in_double_precision(name, size):
    if name == "projected" and size[1] == 1:
        pytest.skip("nothing is narrower than one")
    cell = the_cell(name, *size)
    for T in (0, 1, 9):
        for B in (1, 5, 63):
            x = torch.randn(T, B, size[0], dtype=torch.float64)
            assert_as_the_loop(cell, x, used_state(cell, B))


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh", "projected", "reset-before"])
def test_values_and_gradients_are_the_loops_where_the_cell_is_wide(name):
    cell = the_cell(name, 8, 500)
    for T, B in ((9, 5), (1, 63), (9, 1)):
        x = torch.randn(T, B, 8, dtype=torch.float64)
        assert_as_the_loop(cell, x, used_state(cell, B))


@pytest.mark.parametrize("size", [(8, 1), (1, 7), (8, 37), (1, 500)], ids=str)
@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_is_as_near_to_the_truth_as_rounding_allows(name, size):
    if name == "projected" and size[1] == 1:
        pytest.skip("nothing is narrower than one")
    if size[1] == 500 and name not in ("lstm", "gru"):
        pytest.skip("two wide cells are enough")
    cell = the_cell(name, *size, torch.float32)
    for T, B in ((9, 5), (1, 63), (9, 63), (9, 1)):
        x, state = torch.randn(T, B, size[0]), used_state(cell, B, torch.float32)
        truth, bounds = truth_and_bounds(cell, x, state)
        ours = results(cell, x, state, backend="cpu")
        assert all(v.dtype in (torch.float32, truth[n].dtype) for n, v in ours.items())
        assert not outside(ours, truth, bounds), (T, B)


def truth_and_bounds(cell, x, state, **keywords):
    """What the loop has in double precision, and how far from it single precision may be."""
    exact = copy.deepcopy(cell).double()
    widened = map_state(lambda s: s.double() if s.is_floating_point() else s, state)
    right = partial(results, exact, x.double(), widened, backend="loop", **keywords)
    truth = right()
    return truth, allowed(right, truth)


@pytest.mark.parametrize("name", ["lstm", "tanh", "reset-before"])
@pytest.mark.parametrize("size", [(8, 1), (8, 37)], ids=str)
def test_wrong_results_are_further_from_the_truth_than_rounding_allows(name, size):
    """A bound that nothing can break would be no bound."""
    cell = the_cell(name, *size, torch.float32)
    x, state = torch.randn(9, 63, size[0]), used_state(cell, 63, torch.float32)
    truth, bounds = truth_and_bounds(cell, x, state)
    halves = {n: v.half().float() for n, v in results(cell, x, state, backend="cpu").items()}
    assert len(outside(halves, truth, bounds)) == len(bounds)
    # one number of x less in one product of the last of 9 * 63 rows
    less = x.clone()
    less[8, 62, 3] = 0
    found = outside(results(cell, less, state, backend="cpu"), truth, bounds)
    assert {"output", "d x"} <= {line.split(":")[0] for line in found}


@pytest.mark.parametrize("name", ["lstm", "tanh", "reset-before"])
@pytest.mark.parametrize("size", [(8, 1), (8, 37)], ids=str)
def test_a_gradient_without_one_of_its_terms_is_further_off_than_rounding_allows(name, size):
    cell = the_cell(name, *size, torch.float32)
    x, cotangent = torch.randn(9, 63, size[0]), torch.randn(9, 63, size[1])

    def gradients(cell, x, cotangent, state=None, backend="cpu"):
        output, _ = unroll.unroll(cell, x, state, backend=backend)
        found = torch.autograd.grad(output, list(cell.parameters()), cotangent)
        return dict(zip(dict(cell.named_parameters()), found, strict=True))

    exact = copy.deepcopy(cell).double()
    right = partial(gradients, exact, x.double(), cotangent.double(), backend="loop")
    truth = right()
    bounds = allowed(right, truth)
    whole = gradients(cell, x, cotangent)
    assert not outside(whole, truth, bounds)
    # the last sequence's last step is one of the 567 terms of each sum
    with torch.no_grad():
        _, state = unroll.unroll(cell, x[:8, 62:], backend="loop")
    term = gradients(cell, x[8:, 62:], cotangent[8:, 62:], state)
    less = {n: g - term[n] for n, g in whole.items()}
    assert len(outside(less, truth, bounds)) == len(bounds)


T, B = 5, 4
LENGTHS = {"all": None, "ragged": [3, 0, 5, 1], "full": [5, 5, 5, 5], "none": [0, 0, 0, 0]}
RESETS = {
    "no": None,
    "some": [[0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]],
    "every": [[1] * 4] * 5,
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("name", MAKE)
def test_ragged_batches_with_resets_are_the_loops_and_nan_in_the_padding_reaches_nothing(
    name, lengths, reverse
):
    cell = the_cell(name)
    x = torch.randn(T, B, I, dtype=torch.float64)
    state = used_state(cell, B)
    for b, length in enumerate(lengths or []):
        x[length:, b] = torch.nan
    for resets in RESETS.values():
        resets = None if resets is None else torch.tensor(resets, dtype=torch.bool)
        got = assert_as_the_loop(cell, x, state, lengths=lengths, resets=resets, reverse=reverse)
        for b, length in enumerate(lengths or []):
            assert (got["output"][length:, b] == 0).all()
            assert (got["d x"][length:, b] == 0).all()


@pytest.mark.parametrize("name", ["lstm", "clockwork", "reset-before"])
def test_carried_state_makes_two_halves_of_one_pass(name):
    cell, x = the_cell(name), torch.randn(9, B, I, dtype=torch.float64)
    whole, end = unroll.unroll(cell, x, backend="cpu")
    first, middle = unroll.unroll(cell, x[:4], backend="cpu")
    second, last = unroll.unroll(cell, x[4:], middle, backend="cpu")
    assert type(end) is type(middle)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last, end, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize(("steps", "batch"), [(0, 0), (0, 3), (3, 0), (1, 1)])
@pytest.mark.parametrize("name", ["lstm", "projected", "clockwork", "layer-norm"])
def test_nothing_in_gives_nothing_out(name, steps, batch, lengths):
    cell = the_cell(name)
    x = torch.randn(steps, batch, I, dtype=torch.float64)
    state = map_state(torch.clone, cell.initial_state(batch, dtype=torch.float64))
    resets = torch.ones(steps, batch, dtype=torch.bool)
    given = [min(1, steps)] * batch if lengths else None
    for reverse in (False, True):
        for now in (None, resets):
            assert_as_the_loop(cell, x, state, lengths=given, resets=now, reverse=reverse)


def at_an_offset(tensor):
    """The same numbers one element behind the start of a storage."""
    flat = torch.empty(tensor.numel() + 1, dtype=tensor.dtype)[1:]
    return flat.copy_(tensor.reshape(-1)).view(tensor.shape)


def every_second(tensor):
    wide = torch.full((*tensor.shape[:-1], 2 * tensor.shape[-1]), torch.nan, dtype=tensor.dtype)
    wide[..., ::2] = tensor
    return wide[..., ::2]


def turned(tensor, a, b):
    return tensor.transpose(a, b).contiguous().transpose(a, b)


def inside(tensor):
    """Columns in the middle of a wider tensor."""
    return nn.functional.pad(tensor, (1, 2), value=torch.nan)[..., 1:-2]


LAYOUTS = {
    "transposed": lambda t: turned(t, 0, min(1, t.dim() - 1)),
    "turned": lambda t: turned(t, -1, max(-2, -t.dim())),
    "every second": every_second,
    "at an offset": at_an_offset,
    "one row": lambda t: t[:1].expand(t.shape),
    "one column": lambda t: t[..., :1].expand(t.shape),
    "one number": lambda t: t.reshape(-1)[:1].reshape([1] * t.dim()).expand(t.shape),
    "inside": inside,
    "flipped": lambda t: t.flip(0).flip(0),
    "negative view": lambda t: torch._neg_view(-t),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ["lstm", "scaled", "scaled, H=1"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_inputs_states_weights_and_gradients_will_do(layout, name, dtype):
    change, size = LAYOUTS[layout], 1 if name.endswith("1") else 6
    cell = the_cell("lstm", dtype=dtype) if name == "lstm" else Scaled(size, size).to(dtype)
    exact = {} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    plain = torch.randn(T, B, cell.input_size, dtype=dtype)
    begin = used_state(cell, B, dtype)
    cotangent = torch.randn(T, B, cell.hidden_size, dtype=dtype)
    weights = dict(cell.named_parameters())

    def run(backend, copied):
        now = (
            (lambda t: change(t).clone(memory_format=torch.contiguous_format))
            if copied
            else (change)
        )
        leaves = [plain, *[s for _, s in fields(begin)], *weights.values()]
        leaves = [
            leaf(now(t)) if copied else now(t).requires_grad_()
            for t in map(torch.Tensor.detach, leaves)
        ]
        x, rest = leaves[0], iter(leaves[1:])
        state = map_state(lambda _: next(rest), begin)
        stand_ins = {n: next(rest) for n in weights}
        output, last = unroll.unroll(cell, x, state, parameters=stand_ins, backend=backend)
        gradients = torch.autograd.grad(output, leaves, now(cotangent), retain_graph=True)
        ends = [s for _, s in fields(last)]
        more = torch.autograd.grad(ends, leaves, [now(s.detach()) for _, s in fields(begin)])
        return [output, *ends, *gradients, *more]

    torch.testing.assert_close(run("cpu", False), run("loop", True), **exact)


@pytest.mark.parametrize("name", MAKE)
def test_a_sums_constant_gradient_is_the_loops(name):
    cell, x = the_cell(name), torch.randn(T, B, I, dtype=torch.float64)
    found = {}
    for backend in ("loop", "cpu"):
        leaves = [leaf(x), *cell.parameters()]
        output, _ = unroll.unroll(cell, leaves[0], backend=backend)
        gradients = torch.autograd.grad(output.sum(), leaves)
        found[backend] = dict(enumerate(gradients))
    assert_equal(found["cpu"], found["loop"])


@pytest.fixture
def filled_memory():
    """Every torch.empty is full of NaN, or of the largest whole number."""
    torch.use_deterministic_algorithms(True)
    before = torch.utils.deterministic.fill_uninitialized_memory
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.utils.deterministic.fill_uninitialized_memory = before
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("name", MAKE)
def test_nothing_is_read_that_was_not_written(name, lengths, filled_memory):
    assert torch.empty(3).isnan().all()
    cell, x = the_cell(name), torch.randn(T, B, I, dtype=torch.float64)
    state = used_state(cell, B)
    resets = torch.tensor(RESETS["some"], dtype=torch.bool)
    for more in ({}, {"resets": resets}, {"reverse": True}):
        got = assert_as_the_loop(cell, x, state, lengths=lengths, **more)
        assert all(v.isfinite().all() for v in got.values())
        for b, length in enumerate(lengths or []):
            assert (got["output"][length:, b] == 0).all()
    with torch.no_grad():
        output, last = unroll.unroll(cell, x, state, lengths=lengths, backend="cpu")
        again, end = unroll.unroll(cell, x, state, lengths=lengths, backend="loop")
    torch.testing.assert_close((output, last), (again, end), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", SINGLE)
def test_nan_and_infinity_come_out_where_the_loop_has_them(name, value, dtype):
    cell = the_cell(name, dtype=dtype)
    x = torch.randn(T, B, I, dtype=dtype)
    x[1, 0] = value
    x[3, 2, 1] = value
    got, expected = (results(cell, x, backend=b) for b in ("cpu", "loop"))
    for what, right in expected.items():
        right, ours = right.double(), got[what].double()
        assert torch.equal(ours.isnan(), right.isnan()), what
        assert torch.equal(ours.isinf(), right.isinf()), what
        torch.testing.assert_close(ours, right, rtol=1e-4, atol=1e-4, equal_nan=True)


# ----- layers -------------------------------------------------------------------------------------

LAYERS = {
    "lstm": partial(unroll.LSTM, I, H, 2, bidirectional=True),
    "projected": partial(unroll.LSTM, I, H, proj_size=2, batch_first=True),
    "gru": partial(unroll.GRU, I, H, bidirectional=True, batch_first=True),
    "relu": partial(unroll.RNN, I, H, 2, nonlinearity="relu", bias=False),
    "recurrent": partial(unroll.Recurrent, CELLS["gru-reset-before"], I, H, 2, bidirectional=True),
    "clockwork": partial(unroll.Recurrent, CELLS["clockwork"], I, H, batch_first=True),
}


def of_layer(layer, x, state=None, **keywords):
    """Outputs, final state and gradients of a layer, as a flat list."""
    x = leaf(x) if isinstance(x, torch.Tensor) else x
    given = leaf(x.data) if isinstance(x, PackedSequence) else x
    if isinstance(x, PackedSequence):
        x = PackedSequence(given, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
    output, last = layer(x, state, **keywords)
    output = output.data if isinstance(output, PackedSequence) else output
    values = [output, *(s for _, s in fields(last))]
    numbers = torch.Generator().manual_seed(3)
    roots = [v for v in values if v.requires_grad]
    drawn = [torch.randn(v.shape, generator=numbers, dtype=v.dtype) for v in roots]
    return [*values, *torch.autograd.grad(roots, [given, *layer.parameters()], drawn)]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_directions_are_the_loops(name):
    layer = LAYERS[name]().double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    x = x.transpose(0, 1) if layer.batch_first else x
    for lengths in LENGTHS.values():
        got, right = (of_layer(layer, x, lengths=lengths, backend=b) for b in ("cpu", "loop"))
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences_through_layers_are_the_loops(name):
    layer = LAYERS[name]().double()
    packed = pack_padded_sequence(
        torch.randn(T, B, I, dtype=torch.float64), torch.tensor([2, 5, 1, 4]), enforce_sorted=False
    )
    got, right = (of_layer(layer, packed, backend=b) for b in ("cpu", "loop"))
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


def test_a_layer_is_torchs_layer():
    ours, torchs = unroll.LSTM(I, H, 2, bidirectional=True), nn.LSTM(I, H, 2, bidirectional=True)
    torchs.load_state_dict(ours.state_dict())
    x, state = torch.randn(T, B, I), (torch.randn(4, B, H), torch.randn(4, B, H))
    got, expected = ours(x, state, backend="cpu"), torchs(x, state)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    alone = ours(x[:, 0], (state[0][:, 0], state[1][:, 0]), backend="cpu")
    torch.testing.assert_close(alone[0], expected[0][:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("torchs", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_torchs_own_cells_are_compiled_too(torchs):
    cell = torchs(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_as_the_loop(cell, x, lengths=[3, 0, 5, 1])


# ----- threads ------------------------------------------------------------------------------------

SPLITS = {
    "two by sequences": Split(2, 0),
    "two by units": Split(2, 1),
    "three by units": Split(3, 1),
}


def every_bit(name, dtype, H, lengths, monkeypatch, split):
    cell = the_cell(name, 8, H, dtype)
    torch.manual_seed(5)
    x, state = torch.randn(7, 13, 8, dtype=dtype), used_state(cell, 13, dtype)
    asked = []
    monkeypatch.setattr(kernels, "share", lambda *a: asked.append(a) or split)
    found = results(cell, x, state, lengths=lengths, backend="cpu")
    assert len(asked) == 2  # forward and backward
    return found


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("H", [1, 37, 130])
@pytest.mark.parametrize("name", SINGLE)
def test_no_bit_depends_on_how_the_work_is_split(name, H, split, monkeypatch):
    if H == 1 and name in ("projected", "clockwork"):
        pytest.skip("as the others")
    lengths = [7, 7, 7, 6, 5, 4, 4, 4, 2, 1, 1, 1, 0]
    for given in (None, lengths):
        alone = every_bit(name, torch.float32, H, given, monkeypatch, Split(1, 0))
        shared = every_bit(name, torch.float32, H, given, monkeypatch, split)
        assert all(torch.equal(alone[k], shared[k]) for k in alone)


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["lstm", "reset-before"])
def test_no_bit_depends_on_the_number_of_threads(name, monkeypatch, two_threads):
    """Of what the compiled loop computes: the large products around it are the library's."""
    cell = the_cell(name, 8, 130, torch.float32)
    x, state = torch.randn(40, 13, 8), used_state(cell, 13, torch.float32)
    chosen, found = [], {}
    real = kernels.share
    monkeypatch.setattr(kernels, "share", lambda *a: chosen.append(real(*a)) or chosen[-1])
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found[threads] = results(cell, x, state, backend="cpu")
    assert [split.threads for split in chosen] == [1, 1, 2, 2]
    for name, value in found[1].items():
        if name == "output" or name.startswith(("final", "d state")):
            assert torch.equal(value, found[2][name]), name
        else:
            torch.testing.assert_close(value, found[2][name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lengths", [None, [9, 4, 0]])
def test_two_directions_beside_each_other_are_the_same_to_the_bit(
    lengths, monkeypatch, two_threads
):
    layer = unroll.Recurrent("gru", 5, 37, num_layers=2, bidirectional=True, dropout=0.5)
    x = torch.randn(9, 3, 5, requires_grad=True)
    found, seen = [], []
    for at_once in (False, True):
        split = Split(1, 0, at_once)
        monkeypatch.setattr(kernels, "share", lambda *a, split=split: seen.append(a[-1]) or split)
        torch.manual_seed(3)
        output, last = layer(x, lengths=lengths, backend="cpu")
        loss = output.square().sum() + last.sum()
        found.append([output, last, *torch.autograd.grad(loss, [x, *layer.parameters()])])
    assert set(seen) == {2}
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    torch.manual_seed(3)
    right, _ = layer(x, lengths=lengths, backend="loop")
    torch.testing.assert_close(found[1][0], right)


def test_two_directions_share_the_threads(two_threads):
    assert kernels.share(10**5, 10**3, 1, 64, 64, 2) == Split(1, 0, at_once=True)
    assert kernels.share(10**5, 10**3, 1, 64, 64, 1).at_once is False
    torch.set_num_threads(1)
    assert kernels.share(10**5, 10**3, 1, 64, 64, 2) == Split(1, 0)


def test_a_direction_whose_call_is_refused_is_an_error(two_threads):
    layer = unroll.Recurrent("gru", 2, 3, bidirectional=True)
    executor = preparation.prepared(checked_call(layer.cells[0], torch.randn(2, 1, 2))).kernels
    kernel = executor.kernels[id(executor.programs[0])]
    call = kernels._Call(threads=0)
    bad = kernels.Ready(kernel.function, call, ctypes.byref(call), None, True, ())
    with pytest.raises(RuntimeError, match="not well formed"):
        executor.run([bad, bad])


def test_a_forked_child_computes_the_same(two_threads, monkeypatch):
    """As a DataLoader's workers are made: the parent's threads are not in the child.

    The library's products would wait there for threads that are gone, also on the loop.
    """
    cell = the_cell("lstm", dtype=torch.float32)
    x = torch.randn(T, B, I)
    monkeypatch.setattr(kernels, "share", lambda *_: Split(2, 0))
    expected = results(cell, x, backend="cpu")
    child = os.fork()
    if not child:
        status = 1
        try:
            torch.set_num_threads(1)
            got = results(cell, x, backend="cpu")
            assert_equal(got, expected, 1e-6)
            status = 0
        finally:
            os._exit(status)
    assert ended(child) == 0


def ended(child, patience=30.0):
    """The exit status of a child; -1 where it hangs, which is then ended."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def test_a_child_is_not_held_up_by_a_parents_thread_that_was_preparing_a_cell(no_plans_on_disk):
    x = torch.randn(T, B, I, dtype=torch.float64)
    inside, go_on = threading.Event(), threading.Event()

    class Waits(Plain):
        def forward(self, x, h):
            inside.set()
            go_on.wait(30)
            return super().forward(x, h)

    thread = threading.Thread(target=unroll.unroll, args=(Waits(I, H).double(), x))
    thread.start()
    try:
        assert inside.wait(30)
        child = os.fork()
        if not child:
            status = 1
            try:
                output, _ = unroll.unroll(Plain(I, H).double(), x, backend="cpu")
                status = 0 if output.isfinite().all() else 2
            finally:
                os._exit(status)
        status = ended(child, 10)
    finally:
        go_on.set()
        thread.join()
    assert status == 0


def test_a_data_loaders_workers_compute_the_same():
    class Encoded(torch.utils.data.Dataset):
        def __init__(self):
            self.cell = the_cell("gru", dtype=torch.float32)
            self.x = torch.randn(4, T, 1, I)

        def __len__(self):
            return 4

        def __getitem__(self, index):
            with torch.no_grad():
                return unroll.unroll(self.cell, self.x[index], backend="cpu")[0]

    data = Encoded()
    here = torch.stack([data[k] for k in range(4)])
    loader = torch.utils.data.DataLoader(data, batch_size=2, num_workers=2)
    torch.testing.assert_close(torch.cat(list(loader)), here, rtol=0, atol=0)


@pytest.mark.parametrize("first_seen", [False, True])
def test_python_threads_run_the_same_and_different_cells_at_once(first_seen):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        names = ["lstm", "lstm", "gru", "reset-before"]
        cells = (
            {n: copy.deepcopy(the_cell(n)) for n in names}
            if first_seen
            else {n: the_cell(n) for n in names}
        )
    xs = [torch.randn(T, B, I, dtype=torch.float64) for _ in names]
    right = [results(cells[n], x, backend="loop") for n, x in zip(names, xs, strict=True)]
    wrong, begin = [], threading.Barrier(len(names))

    def work(k):
        try:
            begin.wait(30)
            for _ in range(10):
                assert_equal(results(cells[names[k]], xs[k], backend="cpu"), right[k])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ----- what changes between calls -----------------------------------------------------------------


def ours_and_the_loops(cell, x, **keywords):
    with torch.no_grad():
        ours = unroll.unroll(cell, x, backend="cpu", **keywords)[0]
        return ours, unroll.unroll(cell, x, backend="loop", **keywords)[0]


def assert_seen(cell, change, x=None):
    """What a change makes of the outputs is what it makes of the loop's."""
    x = torch.randn(T, B, cell.input_size, dtype=torch.float64) if x is None else x
    before, right = ours_and_the_loops(cell, x)
    torch.testing.assert_close(before, right, rtol=1e-10, atol=1e-10)
    change()
    after, right = ours_and_the_loops(cell, x)
    torch.testing.assert_close(after, right, rtol=1e-10, atol=1e-10)
    assert not torch.equal(before, after)


def test_weights_changed_in_place_or_replaced_are_seen():
    cell = the_cell("lstm")

    def in_place():
        with torch.no_grad():
            cell.weight_hh.mul_(0.5)

    def through_data():
        cell.weight_hh.data += 0.1

    def data_replaced():
        cell.bias_hh.data = torch.randn(4 * H, dtype=torch.float64)

    def replaced():
        cell.weight_hh = nn.Parameter(torch.randn(4 * H, H, dtype=torch.float64))

    def loaded():
        cell.load_state_dict(unroll.LSTMCell(I, H).double().state_dict())

    for change in (in_place, through_data, data_replaced, replaced, loaded):
        assert_seen(cell, change)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_training_goes_as_on_the_loop(optimizer):
    ours = copy.deepcopy(the_cell("gru"))
    theirs = copy.deepcopy(ours)
    x = torch.randn(T, B, I, dtype=torch.float64)
    losses = {}
    for cell, backend in ((ours, "cpu"), (theirs, "loop")):
        steps, losses[backend] = optimizer(cell.parameters(), lr=0.05), []
        for _ in range(5):
            loss = unroll.unroll(cell, x, backend=backend)[0].square().sum()
            steps.zero_grad()
            loss.backward()
            steps.step()
            losses[backend].append(loss.item())
    assert losses["cpu"] == pytest.approx(losses["loop"], rel=1e-9)
    assert losses["cpu"][-1] < losses["cpu"][0]


def test_attributes_that_the_step_uses_are_seen():
    cell = Scaled(I, I).double()
    assert_seen(cell, lambda: setattr(cell, "alpha", 0.9))
    assert_seen(cell, lambda: setattr(cell, "alpha", 2))
    cell.alpha = torch.tensor(0.3)  # what it holds may change without a trace
    with pytest.raises(RuntimeError, match="register_buffer"):
        unroll.unroll(cell, torch.zeros(T, B, I, dtype=torch.float64), backend="cpu")
    cell = Plain(I, H).double()
    assert_seen(cell, lambda: setattr(cell, "activation", torch.sigmoid))
    assert_seen(cell, lambda: setattr(cell, "activation", torch.nn.functional.relu))


def test_a_function_in_the_place_of_one_that_is_gone_is_seen():
    cell = Plain(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)

    def times(factor):
        return lambda v: torch.tanh(v) * factor

    for k in range(8):
        cell.activation = None
        gc.collect()
        cell.activation = times(k + 1)
        ours, right = ours_and_the_loops(cell, x)
        torch.testing.assert_close(ours, right, rtol=1e-10, atol=1e-10)


class Settings:
    def __init__(self, alpha):
        self.alpha = alpha


class WithSettings(Scaled):
    beta = 1.0

    def forward(self, x, h):
        h = torch.tanh(x + self.beta * self.settings.alpha * self.u * h)
        return h, h


def test_settings_inside_an_object_of_the_cell_are_seen():
    cell = WithSettings(I, I).double()
    cell.settings = Settings(0.5)
    assert_seen(cell, lambda: setattr(cell.settings, "alpha", 0.9))
    cell.settings = [Settings(0.5)][0]
    assert_seen(cell, lambda: setattr(cell, "settings", Settings(0.1)))


def test_an_attribute_of_the_class_is_seen(monkeypatch):
    cell = WithSettings(I, I).double()
    cell.settings = Settings(0.5)
    assert_seen(cell, lambda: monkeypatch.setattr(WithSettings, "beta", 0.2))


class WithTensor(Scaled):
    """A tensor that is neither parameter nor buffer."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.scale = torch.linspace(0.1, 1, hidden_size, dtype=torch.float64)

    def forward(self, x, h):
        h = self.scale * torch.tanh(x + self.u * h)
        return h, h


def test_a_tensor_that_is_neither_parameter_nor_buffer_is_right_or_refused(no_plans_on_disk):
    cell, x = WithTensor(I, I).double(), torch.randn(T, B, I, dtype=torch.float64)
    for factor in (1, 3):
        cell.scale.mul_(factor)
        right, _ = unroll.unroll(cell, x, backend="loop")
        got, _ = unroll.unroll(cell, x)
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
        try:
            named, _ = unroll.unroll(cell, x, backend="cpu")
        except RuntimeError as error:
            assert "The cpu backend cannot run WithTensor" in str(error)
        else:
            torch.testing.assert_close(named, right, rtol=1e-10, atol=1e-10)


def test_another_mode_is_another_step():
    class OnlyInTraining(Plain):
        def forward(self, x, h):
            h, _ = super().forward(x, h)
            h = 0.5 * h if self.training else h
            return h, h

    cell = OnlyInTraining(I, H).double()
    assert_seen(cell, cell.eval)
    assert_seen(cell, cell.train)


def test_a_copied_or_pickled_cell_runs_on_its_own():
    x = torch.randn(T, B, I, dtype=torch.float64)
    cell = Plain(I, H).double()
    ours_and_the_loops(cell, x)
    file = io.BytesIO()
    torch.save(cell, file)
    file.seek(0)
    twins = [
        copy.deepcopy(cell),
        pickle.loads(pickle.dumps(cell)),
        torch.load(file, weights_only=False),
    ]
    for twin in twins:
        with torch.no_grad():
            twin.recur.weight.mul_(-1)
        ours, right = ours_and_the_loops(twin, x)
        torch.testing.assert_close(ours, right, rtol=1e-10, atol=1e-10)
        assert not torch.equal(ours, ours_and_the_loops(cell, x)[0])
    layer = unroll.LSTM(I, H, 2).double()
    expected = layer(x, backend="cpu")[0]
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(x, backend="cpu")[0], expected, rtol=0, atol=0)


def test_a_cell_that_is_gone_leaves_no_plan_behind():
    cell = Plain(I, H).double()
    ours_and_the_loops(cell, torch.randn(T, B, I, dtype=torch.float64))
    assert cell in preparation._prepared
    count = len(preparation._prepared)
    del cell
    gc.collect()
    assert len(preparation._prepared) < count


@pytest.mark.parametrize("parametrization", [weight_norm, orthogonal])
def test_parametrized_weights_are_the_loops(parametrization):
    cell = Plain(I, H).double()
    parametrization(cell.recur, "weight")
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_as_the_loop(cell, x, lengths=[3, 0, 5, 1])


def test_stand_ins_take_the_place_of_parameters_and_get_the_gradient():
    cell, other = the_cell("lstm"), unroll.LSTMCell(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    for names in (list(dict(other.named_parameters())), ["weight_hh"]):
        stand_ins = {n: 2 * p for n, p in other.named_parameters() if n in names}
        found = []
        for backend in ("cpu", "loop"):
            output, _ = unroll.unroll(cell, x, parameters=stand_ins, backend=backend)
            wanted = [dict(other.named_parameters())[n] for n in names]
            found.append([output, *torch.autograd.grad(output.sum(), wanted)])
            stand_ins = {n: 2 * p for n, p in other.named_parameters() if n in names}
        torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


class LearnedStart(Plain):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.start = nn.Parameter(torch.randn(hidden_size))

    def initial_state(self, batch_size, **like):
        return self.start.expand(batch_size, -1)


def test_a_learned_start_is_learned_also_at_resets():
    cell = LearnedStart(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    resets = torch.tensor(RESETS["some"], dtype=torch.bool)
    for keywords in ({}, {"resets": resets}, {"resets": resets, "lengths": [3, 0, 5, 1]}):
        found = assert_as_the_loop(cell, x, **keywords)
        assert found["d start"].any()


def test_tied_weights_are_one_weight():
    cell = Plain(H, H).double()
    cell.recur.weight = cell.read.weight
    assert_as_the_loop(cell, torch.randn(T, B, H, dtype=torch.float64))


@pytest.fixture
def no_plans_on_disk(tmp_path, monkeypatch):
    """So that cells are planned here, and what goes wrong is remembered nowhere else."""
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))


# ----- planning leaves no traces ------------------------------------------------------------------


def test_planning_draws_no_random_numbers(no_plans_on_disk):
    x = torch.randn(3, BAKED_BATCH, 2)
    for make in (REFUSED["rand_like"], REFUSED["dropout"]):
        cell = make(2, 5)
        torch.manual_seed(11)
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.manual_seed(11)
        first, _ = unroll.unroll(cell, x)  # planned here, and refused
        torch.testing.assert_close(first, right, rtol=0, atol=0)


class Counts(Plain):
    """It keeps something between calls; a step on the loop changes it once a step."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x, h):
        self.steps += 1
        return super().forward(x, h)


def test_planning_changes_no_buffer(no_plans_on_disk):
    cell = Counts(I, H)
    unroll.unroll(cell, torch.randn(T, B, I))
    assert cell.steps == T
    with pytest.raises(RuntimeError, match="changes one of its inputs in place"):
        unroll.unroll(cell, torch.randn(T, B, I), backend="cpu")
    assert cell.steps == T


def kept_in_a_list(tensors):
    return torch.autograd.graph.saved_tensors_hooks(
        lambda t: (tensors.append(t), t)[1], lambda t: t
    )


CIRCUMSTANCES = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "anomaly mode": lambda: torch.autograd.detect_anomaly(check_nan=False),
    "saved tensors hooks": lambda: kept_in_a_list([]),
    "another default device": lambda: torch.device("meta"),
    "a profiler's mode": lambda: FlopCounterMode(display=False),
}


@pytest.mark.parametrize("circumstances", CIRCUMSTANCES.values(), ids=CIRCUMSTANCES)
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_where_a_cell_is_first_seen_does_not_matter(circumstances, no_plans_on_disk):
    cell = Plain(I, H).double()
    x, h = torch.randn(T, B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    right, _ = unroll.unroll(cell, x, h, backend="loop")
    with circumstances():
        first, _ = unroll.unroll(cell, x, h)  # auto: it must not fail, whoever runs it
    torch.testing.assert_close(first.clone(), right, rtol=1e-10, atol=1e-10)
    assert_as_the_loop(cell, x, h)  # and it must be compiled where nothing stands against it


def test_a_call_under_another_default_device_spoils_no_later_one():
    cell, x = the_cell("tanh"), torch.randn(17, 3, I, dtype=torch.float64)
    h = torch.randn(3, H, dtype=torch.float64)
    right, _ = unroll.unroll(cell, x, h, backend="loop")
    unroll.unroll(cell, x[:1], h, backend="cpu")
    with torch.device("meta"):
        got, _ = unroll.unroll(cell, x, h)
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
    got, _ = unroll.unroll(cell, x, h, backend="cpu")
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


class BySize(Plain):
    def forward(self, x, h):
        h, _ = super().forward(x, h)
        h = h * h.shape[0]
        return h, h


class ByLargeSize(Plain):
    def forward(self, x, h):
        h, _ = super().forward(x, h)
        h = h * (2.0 if h.shape[0] > 50 else 1.0)
        return h, h


@pytest.mark.parametrize("make", [BySize, ByLargeSize])
def test_a_step_that_knows_the_size_of_the_batch_is_right_or_refused(make, no_plans_on_disk):
    cell = make(I, H).double()
    for B in (1, 3, 60):
        x = torch.randn(2, B, I, dtype=torch.float64)
        right, _ = unroll.unroll(cell, x, backend="loop")
        torch.testing.assert_close(unroll.unroll(cell, x)[0], right, rtol=1e-10, atol=1e-10)


# ----- refusals -----------------------------------------------------------------------------------

OFFENDING = {
    "branch": "if h.sum() > 0",
    "rand_like": "torch.rand_like",
    "dropout": "F.dropout",
    "baked-batch": ".view(BAKED_BATCH",
    "sort": "torch.sort",
    "svd": "torch.linalg.svd",
    "cumsum": "torch.cumsum",
}


def place_of(name):
    lines, first = inspect.getsourcelines(REFUSED[name])
    return first + next(k for k, line in enumerate(lines) if OFFENDING[name] in line)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_names_the_line_of_the_step(name, no_plans_on_disk):
    if name == "svd":  # stopped at the first of its operations that make matrices of the state
        where = r"written_cells\.py:\d+"
    else:
        where = rf"written_cells\.py:{place_of(name)}\b"
    x = torch.randn(3, BAKED_BATCH, 2)
    with pytest.raises(RuntimeError, match=rf"The cpu backend cannot run .*{where}"):
        unroll.unroll(REFUSED[name](2, 5), x, backend="cpu")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_runs_on_the_loop_and_says_so_once(name, caplog, no_plans_on_disk):
    caplog.set_level(logging.DEBUG, logger="unroll")
    cell, x = REFUSED[name](2, 5), torch.randn(3, BAKED_BATCH, 2)
    torch.manual_seed(1)
    right, _ = unroll.unroll(cell, x, backend="loop")
    for _ in range(3):
        torch.manual_seed(1)
        got, _ = unroll.unroll(cell, x)
        torch.testing.assert_close(got, right, rtol=0, atol=0)
    (said,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    message = said.getMessage()
    assert message.startswith(f"{type(cell).__name__} runs on the loop backend, step by step")
    assert "the cpu backend cannot: " in message
    assert "written_cells.py:" in message


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


def assert_refused(cell, x, reason, **keywords):
    with pytest.raises(RuntimeError, match=rf"The cpu backend cannot run \w+: .*{reason}"):
        unroll.unroll(cell, x, backend="cpu", **keywords)
    ran, output = chosen_by_auto(cell, x, **keywords)
    assert ran and ran[0] != "cpu"
    return output


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(dtype):
    for cell in (unroll.GRUCell(I, H), Plain(I, H)):
        cell, x = cell.to(dtype), torch.randn(T, B, I, dtype=dtype)
        output = assert_refused(cell, x, f"float32 or float64, not in {dtype}")
        assert output.dtype == dtype


def test_other_devices_are_refused():
    cell, x = Plain(I, H).to("meta"), torch.randn(T, B, I, device="meta")
    output = assert_refused(cell, x, "on the CPU, not on meta")
    assert output.shape == (T, B, H)


def test_autocast_is_refused():
    cell, x = Plain(I, H), torch.randn(T, B, I)
    unroll.unroll(cell, x, backend="cpu")
    with torch.autocast("cpu", torch.bfloat16):
        output = assert_refused(cell, x, "autocast")
        right, _ = unroll.unroll(cell, x, backend="loop")
    torch.testing.assert_close(output, right, rtol=0, atol=0)
    unroll.unroll(cell, x, backend="cpu")


def test_other_kinds_of_tensors_are_refused():
    class Mine(torch.Tensor):
        pass

    cell, x = Plain(I, H), torch.randn(T, B, I)
    assert_refused(cell, x.as_subclass(Mine), "plain tensors, not Mine")


HOOKS = {
    "forward": lambda m, f: m.register_forward_hook(lambda *_: f()),
    "forward pre": lambda m, f: m.register_forward_pre_hook(lambda *_: f()),
    "backward": lambda m, f: m.register_full_backward_hook(lambda *_: f()),
    "backward pre": lambda m, f: m.register_full_backward_pre_hook(lambda *_: f()),
    "every module's forward": lambda m, f: nn.modules.module.register_module_forward_hook(
        lambda *_: f()
    ),
    "every module's forward pre": lambda m, f: nn.modules.module.register_module_forward_pre_hook(
        lambda *_: f()
    ),
}


@pytest.mark.parametrize("seen_before", [False, True])
@pytest.mark.parametrize("kind", HOOKS)
def test_hooks_are_refused_and_called_for_as_long_as_they_are_there(kind, seen_before):
    cell = Plain(I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    if seen_before:
        unroll.unroll(cell, x, backend="cpu")
    h, calls = torch.randn(B, H, requires_grad=True), []

    def called():
        calls.append(kind)

    hook = HOOKS[kind](cell.recur, called)
    try:
        output = assert_refused(cell, x, "hook", state=h)
        output.sum().backward()
    finally:
        hook.remove()
    assert len(calls) >= T
    calls.clear()
    unroll.unroll(cell, x, h, backend="cpu")[0].sum().backward()
    assert not calls


def test_a_hook_whose_result_counts_is_not_left_out():
    cell, x = Plain(I, H).double(), torch.randn(T, B, I, dtype=torch.float64)
    before, _ = unroll.unroll(cell, x)
    cell.recur.register_forward_hook(lambda module, given, result: 0.5 * result)
    right, _ = unroll.unroll(cell, x, backend="loop")
    got, _ = unroll.unroll(cell, x)
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(got, before)


def test_what_stands_in_for_a_tensor_is_refused():
    """Under a tracer a kernel would run once and its numbers would be taken for constants."""
    cell = Plain(I, H).double()
    x, other = (torch.randn(T, B, I, dtype=torch.float64) for _ in range(2))
    expected, _ = unroll.unroll(cell, other, backend="loop")
    for seen_before in (False, True):
        if seen_before:
            unroll.unroll(cell, x, backend="cpu")

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = cell

            def forward(self, x):
                return unroll.unroll(self.cell, x)[0]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated, and warns of much
            traced = torch.jit.trace(Model(), x, check_trace=False)
            got = traced(other)
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seen_before", [False, True])
def test_make_fx_sees_every_step(seen_before):
    from torch.fx.experimental.proxy_tensor import make_fx

    cell = Plain(I, H).double()
    x, other = (torch.randn(T, B, I, dtype=torch.float64) for _ in range(2))
    if seen_before:
        unroll.unroll(cell, x, backend="cpu")
    with torch.no_grad():
        traced = make_fx(lambda x: unroll.unroll(cell, x)[0])(x)
        expected, _ = unroll.unroll(cell, other, backend="loop")
        torch.testing.assert_close(traced(other), expected, rtol=1e-10, atol=1e-10)
    unroll.unroll(cell, x, backend="cpu")


# ----- no compiler --------------------------------------------------------------------------------


@pytest.fixture(params=["missing", "failing", "not telling its version"])
def no_compiler(request, tmp_path, monkeypatch):
    """UNROLL_CXX names a program that is not there, or one that cannot do it."""
    program = tmp_path / "compiler"
    if request.param != "missing":
        version = "echo mine 1.0" if request.param == "failing" else "exit 4"
        program.write_text(
            f'#!/bin/sh\ncase "$*" in --version) {version};; '
            "*) echo 'kernel.cpp: fatal error: no'; exit 1;; esac\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("UNROLL_CXX", str(program))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(kernels, "_loaded", {})
    return str(program)


def test_without_a_compiler_auto_goes_on_and_says_why_once(no_compiler, caplog):
    caplog.set_level(logging.DEBUG, logger="unroll")
    x = torch.randn(T, B, I)
    standard = unroll.GRUCell(I, H)
    ran, output = chosen_by_auto(standard, x)
    assert ran == ["torch"]
    torch.testing.assert_close(output, unroll.unroll(standard, x, backend="loop")[0])
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    cell = Plain(I, H)
    for _ in range(3):
        assert chosen_by_auto(cell, x)[0] == ["loop"]
    (said,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert "the cpu backend cannot: " in said
    assert no_compiler in said
    assert "\n" not in said


def test_without_a_compiler_a_named_backend_says_why(no_compiler):
    x = torch.randn(T, B, I)
    for cell in (unroll.LSTMCell(I, H), Plain(I, H)):
        with pytest.raises(RuntimeError, match="The cpu backend cannot run ") as caught:
            unroll.unroll(cell, x, backend="cpu")
        assert no_compiler in str(caught.value)


def test_a_compiler_that_comes_later_is_used(tmp_path, monkeypatch):
    cell, x = Plain(I, H), torch.randn(T, B, I)
    layer = unroll.LSTM(I, H + 2)
    with monkeypatch.context() as patched:
        patched.setenv("UNROLL_CXX", str(tmp_path / "nothing"))
        for run in (partial(unroll.unroll, cell), layer):
            with pytest.raises(RuntimeError, match="no program that can be run"):
                run(x, backend="cpu")
    unroll.unroll(cell, x, backend="cpu")
    layer(x, backend="cpu")


def test_the_loop_is_still_the_loop():
    """What all of the above is compared with is not the compiled backend under another name."""
    assert backends.BACKENDS["loop"] is loop
    assert backends.BACKENDS["cpu"] is cpu
