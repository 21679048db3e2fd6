"""Which calls compiled kernels take, whatever the cell computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unroll.cells import Cell


def unsuited(cell: Cell, x: Tensor) -> str | None:
    """Why a call, x [T, B, I], whatever its cell computes, is not for compiled kernels."""
    if (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None
    ):
        return "its kernels cannot be traced by torch.compile, torch.export or torch.jit"
    if type(x) not in (Tensor, nn.Parameter):
        return f"its kernels take plain tensors, not {type(x).__name__}"
    if not x.is_cpu:
        return f"its kernels run on the CPU, not on {x.device.type}"
    if x.dtype not in (torch.float32, torch.float64):
        return f"its kernels compute in float32 or float64, not in {x.dtype}"
    if torch.is_autocast_enabled("cpu"):
        return "its kernels do not follow autocast"
    if torch._C._functorch.maybe_current_level() is not None:
        return "its kernels cannot be transformed by torch.func"
    if torch.autograd.forward_ad._current_level >= 0:
        return "its kernels have no forward-mode derivative"
    return hooked(cell)


def hooked(cell: Cell) -> str | None:
    """A refusal where the cell, a module in it, or every module has hooks."""
    every = torch.nn.modules.module
    hooks = (
        every._global_forward_hooks or every._global_forward_pre_hooks
        or every._global_backward_hooks or every._global_backward_pre_hooks
    )  # fmt: skip
    for m in cell.modules() if cell._modules else (cell,):
        hooks = hooks or m._forward_hooks or m._forward_pre_hooks
        hooks = hooks or m._backward_hooks or m._backward_pre_hooks
    return "it has hooks, which compiled kernels would not call" if hooks else None
