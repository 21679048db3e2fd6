"""Linear recurrences over all steps at once: h_t = a_t h_{t-1} + b_t without a loop over time.

Two steps are one: h_{t+1} = (a_{t+1} a_t) h_{t-1} + (a_{t+1} b_t + b_{t+1}). So the odd steps are a
recurrence of half the length, solved in the same way, and one product more gives the even ones
(G. E. Blelloch, Prefix sums and their applications, 1990). About 2 log2(T) rounds of vectorised
work, 3 T multiplications in all against the loop's T.

There are no divisions and no logarithms. Logarithms of the products would fall by about one per
step, and a float32 near -4096 has only three decimals; here the products simply become zero, zeros
in `a` are like any other number, and errors grow with log2(T).

The gradient is the same recurrence from the last step to the first, so the backward keeps only `a`
and `h`, and may be differentiated again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from unroll.cells.torchscript import compiled_function


def scan(a: Tensor, b: Tensor, before: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t for all t, real or complex.

    Args:
        a: factors [T, ...], of b's shape or broadcast to it ([T, 1, H] where all sequences share
            them).
        b: what is added in each step [T, B, H].
        before: h before the first step [B, H].

    Returns:
        h after each step [T, B, H], in the widest dtype of the three.
    """
    if not len(b):
        return b
    wide = torch.promote_types(torch.promote_types(a.dtype, b.dtype), before.dtype)
    if torch.jit.is_tracing():
        return doubling_scan(torch.broadcast_to(a, b.shape).to(wide), b.to(wide), before.to(wide))
    if torch.compiler.is_exporting() or is_proxied():
        return solved(a.to(wide), b.to(wide), before.to(wide))
    h: Tensor = LinearScan.apply(a.to(wide), b.to(wide), before.to(wide))
    return h


class LinearScan(torch.autograd.Function):
    """`scan` of at least one step, as an autograd function."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, before: Tensor) -> Tensor:
        """Solve the recurrence, for T of at least 1.

        Args:
            ctx: keeps a, before and h for `backward`.
            a: factors [T, B, H], or a shape that broadcasts to it, such as [T, 1, H].
            b: what is added in each step [T, B, H].
            before: h before the first step [B, H].

        Returns:
            h after each step [T, B, H].
        """
        h = torch.empty_like(b, memory_format=torch.contiguous_format)
        solve(h, a, b, before)
        ctx.save_for_backward(a, before, h)
        return h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """g_t = dL/dh_t + conj(a_{t+1}) g_{t+1}, and nothing comes after the last step.

        Args:
            ctx: holds a, before and h of `forward`.
            gradient: dL/dh [T, B, H].

        Returns:
            The gradients of a (in its shape), b [T, B, H] and before [B, H].
        """
        a, before, h = ctx.saved_tensors
        after = torch.cat([torch.zeros_like(a[:1]), a[1:].flip(0)]).conj()
        g = scan(after, gradient.flip(0), torch.zeros_like(before)).flip(0)
        previous = torch.cat([before[None], h[:-1]])
        return (g * previous.conj()).sum_to_size(a.shape), g, g[0] * a[0].conj()


def solve(h: Tensor, a: Tensor, b: Tensor, before: Tensor) -> None:
    """Fill h [T, ...], T >= 1. Steps are counted from 0; `before` comes before step 0."""
    pairs = len(b) // 2
    if pairs:
        first, second = slice(0, 2 * pairs, 2), slice(1, None, 2)
        solve(
            h[second], a[second] * a[first], torch.addcmul(b[second], a[second], b[first]), before
        )
    torch.addcmul(b[0], a[0], before, out=h[0])
    if len(b) > 2:
        torch.addcmul(b[2::2], a[2::2], h[1:-1:2], out=h[2::2])


def solved(a: Tensor, b: Tensor, before: Tensor) -> Tensor:
    """What `solve` fills, [T, B, H] with T >= 1, by operations that a graph can show and derive.

    Writing into parts of a tensor has no derivative, and tracers lose it.
    """
    pairs = len(b) // 2
    first_step = torch.addcmul(b[0], a[0], before)[None]
    if not pairs:
        return first_step
    first, second = slice(0, 2 * pairs, 2), slice(1, None, 2)
    odd = solved(a[second] * a[first], torch.addcmul(b[second], a[second], b[first]), before)
    even = torch.cat([first_step, torch.addcmul(b[2::2], a[2::2], odd[: (len(b) - 1) // 2])])
    mixed = torch.stack([even[:pairs], odd], 1).flatten(0, 1)
    return torch.cat([mixed, even[pairs:]])


def is_proxied() -> bool:
    """Whether tensors stand for those of a graph that is being written, as under make_fx."""
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None


def doubling_scan(a: Tensor, b: Tensor, before: Tensor) -> Tensor:
    """h [T, B, H] as TorchScript, so that a trace runs for any number of steps.

    After round k each step has taken in the 2^k steps up to it: T log2(T) work, but no recursion.
    """
    double = compiled_function(DOUBLING, "doubling")
    h: Tensor = double(a, torch.cat([torch.addcmul(b[:1], a[:1], before), b[1:]]))
    return h


DOUBLING = """
def doubling(a, b):
    T = b.size(0)
    step = 1
    while step < T:
        b = torch.cat([b[:step], b[step:] + a[step:] * b[: T - step]])
        a = torch.cat([a[:step], a[step:] * a[: T - step]])
        step = 2 * step
    return b
"""
