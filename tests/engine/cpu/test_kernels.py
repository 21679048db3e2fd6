"""What kernels are given and what they write: any layout, nothing beside it."""

import ctypes

import pytest
import torch

import unroll
from unroll.cells import fields, map_state
from unroll.engine.call import checked_call
from unroll.engine.cpu import kernels, preparation

from .compiled import (
    LENGTHS,
    MAKE,
    RESETS,
    SINGLE,
    B,
    I,
    Scaled,
    T,
    assert_as_the_loop,
    assert_equal,
    compiled,
    inside,
    leaf,
    results,
    the_cell,
    used_state,
)

pytestmark = compiled


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


def test_a_direction_whose_call_is_refused_is_an_error(two_threads):
    layer = unroll.Recurrent("gru", 2, 3, bidirectional=True)
    executor = preparation.prepared(checked_call(layer.cells[0], torch.randn(2, 1, 2))).kernels
    kernel = executor.kernels[id(executor.programs[0])]
    call = kernels._Call(threads=0)
    bad = kernels.Ready(kernel.function, call, ctypes.byref(call), None, True, ())
    with pytest.raises(RuntimeError, match="not well formed"):
        executor.run([bad, bad])
