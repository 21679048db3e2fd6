"""Calls that compiled kernels do not take."""

import warnings

import pytest
import torch
from torch import nn

import unroll

from .compiled import B, H, I, Plain, T, chosen_by_auto, compiled

pytestmark = compiled


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
