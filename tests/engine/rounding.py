"""What single precision may lose in a computation, the same bound on every processor.

A computation in double precision is repeated while each operation's result is moved, up or down at
random, by `eps` times the magnitudes that are added in it: |a| @ |b| for a product of matrices,
the sum of |x| for a sum, the result itself for all else. How far the end moves is what rounding
does to this computation, its cancellations and its amplification over the steps included. Nothing
of it depends on how some processor, or some library, happened to round.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
EPS = torch.finfo(torch.float32).eps
DRAWS = 4
TABLE = 1 << 21  # signs that are drawn once; an operation takes some that lie side by side
# Results in single precision are within so many times the largest movement of the draws. One
# operation of a kernel is off by up to 2.5 eps (the sigmoid), and the draws are random numbers.
TIMES = 4

# the operation on magnitudes is the magnitudes that are added
SUMS = {name: getattr(aten, name) for name in ("add", "addmm", "bmm", "dot", "mm", "mv")}
SUMS |= {"sub": aten.add, "rsub": aten.add}
REDUCTIONS = {"cumsum", "mean", "sum"}
# operations whose result is as large as what is rounded in it
FACTORS = set("div exp log log_sigmoid_forward mul pow reciprocal sigmoid sqrt tanh".split())
# derivatives of functions: 1 - y^2 in that of tanh is a difference of numbers up to one
DERIVATIVES = {"log_sigmoid_backward", "sigmoid_backward", "tanh_backward"}
# choices, copies and exact operations: nothing is rounded
EXACT = set(
    "_to_copy abs cat clone copy empty_like eq full_like ge gt index_select le lt masked_fill"
    " maximum minimum ne neg new_zeros ones_like relu remainder select_backward slice_backward"
    " stack threshold_backward where zeros_like".split()
)


def allowed(
    compute: Callable[[], dict[str, Tensor]], truth: dict[str, Tensor], eps: float = EPS
) -> dict[str, float]:
    """How far results may be from the truth, for each tensor of numbers.

    Args:
        compute: the computation in double precision, which gives tensors by name.
        truth: what it gives where nothing moves it.
        eps: of the precision that is judged.
    """
    far = {name: 0.0 for name, value in truth.items() if value.is_floating_point()}
    for seed in range(DRAWS):
        with Moved(seed, eps):
            moved = compute()
        for name in far:
            far[name] = max(far[name], largest(moved[name] - truth[name]))
    return {name: TIMES * off for name, off in far.items()}


def outside(
    results: dict[str, Tensor], truth: dict[str, Tensor], bounds: dict[str, float]
) -> list[str]:
    """A line for each tensor that is further from the truth than its bound; NaN is."""
    off = {name: largest(results[name].double() - truth[name]) for name in bounds}
    return [
        f"{name}: {off[name]} where {bound} is allowed"
        for name, bound in bounds.items()
        if not off[name] <= bound
    ]


def largest(tensor: Tensor) -> float:
    return tensor.abs().max().item() if tensor.numel() else 0.0


class Moved(TorchDispatchMode):
    """Moves the floating results of operations by `eps` times their magnitudes, at random."""

    def __init__(self, seed: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.places = random.Random(seed)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.is_view or not any(isinstance(a, Tensor) for a in [*args, *list_of(args)]):
            return func(*args, **kwargs)
        name = func.overloadpacket.__name__
        inside = func._schema.is_mutable
        name = name.rstrip("_") if inside else name
        if name in EXACT:
            return func(*args, **kwargs)
        magnitude = None
        if name in SUMS:
            magnitude = SUMS[name](*map(abs, args), **{k: abs(v) for k, v in kwargs.items()})
        elif name in REDUCTIONS:
            magnitude = func(args[0].abs(), *args[1:], **kwargs)
        elif name in DERIVATIVES:
            magnitude = args[0].abs()
        elif name not in FACTORS:
            raise NotImplementedError(f"what is added in {func}? tests/engine/rounding.py asks")
        result = func(*args, **kwargs)
        first = result if isinstance(result, Tensor) else result[0]
        if not first.is_floating_point():
            return result
        magnitude = first.abs() if magnitude is None else torch.maximum(magnitude, first.abs())
        start = self.places.randrange(TABLE - first.numel())
        some = signs()[start : start + first.numel()].view(first.shape)
        first.addcmul_(magnitude, some, value=self.eps)
        return result


@functools.cache
def signs() -> Tensor:
    """Ones and minus ones, the same in every run."""
    numbers = torch.Generator().manual_seed(1)
    return torch.randint(0, 2, (TABLE,), generator=numbers).double().mul_(2).sub_(1)


def list_of(args):
    return args[0] if args and isinstance(args[0], list | tuple) else ()
