"""A backend is compared with the loop on random calls of a cell."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

import unroll
from unroll.cells import fields, map_state
from unroll.engine.backends import BACKENDS

from ..prebuilt import prebuild

# relative to the largest magnitude of each tensor. Single precision leaves what a few steps of a
# cell make of its rounding; a comparison of two values that are that near may even turn.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}
# relative to the largest magnitude of all values, or all gradients: a tensor that is zero but for
# cancelled rounding (the gradient of a weight norm over one number) has no magnitude of its own
CANCELLED = 1e-4


@dataclass
class Case:
    """One random call: what both backends are given."""

    seed: int
    x: Tensor
    state: object  # None: the cell's own initial state
    lengths: list[int] | None
    resets: Tensor | None
    reverse: bool
    x_has_gradient: bool
    words: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        T, B, _ = self.x.shape
        return ", ".join([f"T={T}, B={B}, {self.x.dtype}", *self.words])


def random_case(cell: unroll.Cell, seed: int, dtype: torch.dtype) -> Case:
    numbers, choose = torch.Generator().manual_seed(seed), random.Random(seed)
    T, B = choose.choice([1, 2, 9]), choose.choice([1, 5, 7])
    if choose.random() < 0.25:  # as a user's [B, T, I] comes in: not contiguous
        x = torch.randn(B, T, cell.input_size, generator=numbers, dtype=dtype).transpose(0, 1)
        words = ["x transposed"]
    else:
        x, words = torch.randn(T, B, cell.input_size, generator=numbers, dtype=dtype), []
    lengths = resets = None
    if choose.random() < 0.5:
        lengths = [choose.randint(0, T) for _ in range(B)]
        words.append(f"lengths={lengths}")
        if choose.random() < 0.5:
            words.append("NaN in the padding")
            x = x.clone()
            for b, length in enumerate(lengths):
                x[length:, b] = torch.nan
    if choose.random() < 0.33:
        resets = torch.rand(T, B, generator=numbers) < 0.3
        words.append(f"resets={resets.int().tolist()}")
    reverse = choose.random() < 0.33
    words += ["reverse"] * reverse
    state = random_state(cell, B, dtype, numbers) if choose.random() < 0.7 else None
    words += ["initial state"] * (state is None)
    x_has_gradient = choose.random() < 0.8
    words += ["no gradient for x"] * (not x_has_gradient)
    return Case(seed, x, state, lengths, resets, reverse, x_has_gradient, words)


def random_state(cell: unroll.Cell, B: int, dtype: torch.dtype, numbers: torch.Generator):
    """A state that can occur: of a random cell by its ranges, of others after a few steps."""
    with torch.no_grad():
        start = cell.initial_state(B, dtype=dtype, device="cpu")
        ranges = getattr(cell, "ranges", None)
        if ranges is None:
            x = torch.randn(4, B, cell.input_size, generator=numbers, dtype=dtype)
            lengths = torch.randint(1, 5, (B,), generator=numbers)
            with torch.random.fork_rng(devices=[]):  # its noise is not the call's
                _, state = unroll.unroll(cell, x, lengths=lengths, backend="loop")
            return map_state(torch.clone, state)
        kinds = iter(ranges.values())

        def draw(s: Tensor) -> Tensor:
            kind = next(kinds)
            if kind == "counter":
                return torch.randint(0, 6, s.shape, generator=numbers)
            if kind == "flag":
                return torch.rand(s.shape, generator=numbers) < 0.5
            low, high = kind
            return torch.rand(s.shape, generator=numbers, dtype=dtype) * (high - low) + low

        return map_state(draw, start)


@dataclass
class Result:
    """What one backend made of a case, by name."""

    values: dict[str, Tensor]
    gradients: dict[str, Tensor | None]
    shown: dict[str, Tensor]  # the values once more, computed where no gradient is wanted


def compare(
    cell: unroll.Cell, backend: str, *, seed: int, dtype: torch.dtype = torch.float64
) -> None:
    """Check that a backend does what the loop does, on one random case.

    Compared are the outputs, the final state, the gradients of x, of the state and of every
    parameter from random cotangents on all of them, and the values without gradients. Numbers may
    differ by TOLERANCE of the largest magnitude in each tensor, taken in float64; whole numbers
    and booleans not at all. A gradient that is None in one is None or zero in the other.

    The cell's mode is kept. The caller's random numbers are left as they were.
    Raises: AssertionError with the seed, the case, what differs, and the step's source if known.
    """
    if any(p.dtype != dtype for p in cell.parameters()):
        cell = copy.deepcopy(cell).to(dtype)
    case = random_case(cell, seed, dtype)
    cotangents: dict[str, Tensor] = {}
    expected = result(cell, case, "loop", cotangents)
    got = result(cell, case, backend, cotangents)
    wrong = [
        *differences("", got.values, expected.values, dtype),
        *differences("without gradients, ", got.shown, expected.values, dtype),
        *differences("the gradient of ", got.gradients, expected.gradients, dtype),
    ]
    if wrong:
        text = "\n  ".join([f"{backend} differs from the loop ({case}, seed={seed}):", *wrong])
        raise AssertionError(f"{text}\n\n{source_of(cell)}")


def result(cell: unroll.Cell, case: Case, backend: str, cotangents: dict[str, Tensor]) -> Result:
    """Runs the case; cotangents are drawn on the first run and used again on the second."""
    x = case.x.detach().clone().requires_grad_(case.x_has_gradient)
    state = case.state
    if state is not None:
        state = map_state(lambda s: s.clone().requires_grad_(s.is_floating_point()), state)
    settings = {"lengths": case.lengths, "resets": case.resets, "reverse": case.reverse}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        values = named(*unroll.unroll(cell, x, state, backend=backend, **settings))
        torch.manual_seed(case.seed)
        with torch.no_grad():
            shown = named(*unroll.unroll(cell, x, state, backend=backend, **settings))
    leaves = {"x": x} if case.x_has_gradient else {}
    if state is not None:
        leaves |= {f"state {n}": s for n, s in fields(state) if s.is_floating_point()}
    leaves |= {n: p for n, p in cell.named_parameters() if p.requires_grad}
    if not cotangents:
        numbers = torch.Generator().manual_seed(case.seed + 1)
        for name, value in values.items():
            if value.is_floating_point():
                cotangents[name] = torch.randn(value.shape, generator=numbers, dtype=value.dtype)
    roots = {n: v for n, v in values.items() if v.requires_grad and v.shape == cotangents[n].shape}
    gradients: Iterable[Tensor | None] = [None] * len(leaves)
    if roots and leaves:
        gradients = torch.autograd.grad(
            list(roots.values()),
            list(leaves.values()),
            [cotangents[name] for name in roots],
            allow_unused=True,
        )
    for name, given, now in [("x", case.x, x), *changed_state(case.state, state)]:
        assert torch.equal(given.nan_to_num(), now.nan_to_num()), f"{backend} changed {name}"
    return Result(values, dict(zip(leaves, gradients, strict=True)), shown)


def changed_state(given, now):
    if given is None:
        return []
    return [
        (f"state {name}", a, b)
        for (name, a), (_, b) in zip(fields(given), fields(now), strict=True)
    ]


def named(output: Tensor, last) -> dict[str, Tensor]:
    return {"output": output} | {f"final {name}": s for name, s in fields(last)}


def differences(of: str, got: dict, expected: dict, dtype: torch.dtype) -> Iterable[str]:
    """A line for each tensor that differs by more than is allowed."""
    if got.keys() != expected.keys():
        yield f"{of}{list(got)} instead of {list(expected)}"
        return
    floats = [t for t in expected.values() if t is not None and t.is_floating_point()]
    overall = max((largest(t) for t in floats), default=0.0)
    for name, right in expected.items():
        ours = got[name]
        if ours is None or right is None:
            other = right if ours is None else ours
            if other is not None and largest(other) != 0:
                which = "None" if ours is None else "a tensor where the loop has None"
                yield f"{of}{name} is {which}; the other goes up to {largest(other):.3g}"
            continue
        if (ours.shape, ours.dtype) != (right.shape, right.dtype):
            yield (
                f"{of}{name} is {list(ours.shape)} {ours.dtype} instead of "
                f"{list(right.shape)} {right.dtype}"
            )
            continue
        if not right.is_floating_point():
            if not torch.equal(ours, right):
                yield f"{of}{name} differs in {int((ours != right).sum())} places"
            continue
        apart = largest(ours.detach().double() - right.detach().double())
        allowed = TOLERANCE[dtype] * (largest(right) + CANCELLED * overall)
        if not apart <= allowed:  # a NaN is apart from everything
            yield (
                f"{of}{name} {list(right.shape)} is {apart:.3g} apart, allowed {allowed:.3g} "
                f"(its largest magnitude is {largest(right):.3g})"
            )


def largest(tensor: Tensor) -> float:
    return tensor.detach().double().abs().max().item() if tensor.numel() else 0.0


def source_of(cell: unroll.Cell) -> str:
    return getattr(cell, "source", f"(a cell of class {type(cell).__name__})")


class PlainCell(unroll.Cell):
    """The plainest step there is: a backend that cannot run it cannot run anything here."""

    def __init__(self) -> None:
        super().__init__(2, 3)
        self.read = nn.Linear(2, 3)
        self.recur = nn.Linear(3, 3)

    def forward(self, x, h):
        h = torch.tanh(self.read(x) + self.recur(h))
        return h, h


def unavailable(backend: str) -> str | None:
    """Why this backend cannot run here at all, or None."""
    if backend not in BACKENDS:
        return f"there is no backend {backend!r}"
    try:
        with torch.no_grad():
            unroll.unroll(PlainCell(), torch.zeros(2, 1, 2), backend=backend)
    except RuntimeError as error:
        return str(error)
    return None


def build_together(cells: Iterable[unroll.Cell], backend: str) -> None:
    """Compile the cells in one build where the backend compiles, which saves time."""
    if backend == "cpu":
        prebuild([(cell, cell.training) for cell in cells])
