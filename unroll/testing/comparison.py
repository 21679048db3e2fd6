"""What the checks of a cell compare: inputs, states that can occur, runs, and the error they raise.

T time, B batch, I input.
"""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor

from unroll.cells import Cell, State, fields, map_state
from unroll.cells.torch_cell import TorchCell
from unroll.engine import unroll

Run = tuple[Tensor, State]

T, B = 6, 3
LENGTHS = [6, 2, 0]


def sequence(cell: Cell) -> Tensor:
    """Random inputs [T, B, I] in float64."""
    return torch.randn(T, B, cell.input_size, dtype=torch.float64)


def used_state(cell: Cell) -> State:
    """A state that can occur: the one after three random steps."""
    with torch.no_grad():
        return unroll(cell, sequence(cell)[:3])[1]


def leaf(tensor: Tensor) -> Tensor:
    """A copy, of the same shape `[...]`, that collects a gradient of its own; whole numbers collect none."""
    return tensor.detach().clone().requires_grad_(tensor.is_floating_point())


def batch_row(state: State, b: int) -> State:
    """Sequence b of a batch's state, as a batch of one."""
    return map_state(lambda s: s[b : b + 1], state)


def joined(runs: list[Run]) -> Run:
    """Runs of single sequences as one batch."""
    output = torch.cat([output for output, _ in runs], 1)
    return output, map_state(lambda *s: torch.cat(s), *[state for _, state in runs])


def tensors(state: State) -> list[Tensor]:
    return [tensor for _, tensor in fields(state)]


def describe_form(state: State) -> str:
    """Structure, field names, shapes and dtypes of a state, to compare and to show."""
    inside = ", ".join(
        f"{n} {list(t.shape)} {t.dtype}" if isinstance(t, Tensor) else f"{n} {type(t).__name__}"
        for n, t in fields(state)
    )
    return f"{type(state).__name__}({inside})"


def difference(got: State, expected: State) -> float:
    """The largest difference of any two values; infinite where one is not finite."""
    largest = 0.0
    for a, b in zip(tensors(got), tensors(expected), strict=True):
        if a.numel():
            apart = (a.detach().double() - b.detach().double()).abs().max().item()
            largest = max(largest, apart if apart == apart else float("inf"))
    return largest


def check_same(cell: Cell, promise_broken: str, got: State, expected: State) -> None:
    """Raise where values differ by more than rounding in float64 explains."""
    if describe_form(got) != describe_form(expected):
        fail(cell, f"{promise_broken}: {describe_form(got)} instead of {describe_form(expected)}")
    largest = max(
        [1.0, *(t.detach().double().abs().max().item() for t in tensors(expected) if t.numel())]
    )
    apart = difference(got, expected)
    if not apart <= 1e-10 * largest:
        fail(cell, f"{promise_broken}: the numbers are up to {apart:.2g} apart")


def cell_name(cell: Cell) -> str:
    return type(cell.cell if isinstance(cell, TorchCell) else cell).__name__


def fail(cell: Cell, what: str) -> NoReturn:
    """Report what a cell does wrong.

    Args:
        cell: whose class is named.
        what: the rest of the sentence, without the full stop.

    Raises:
        AssertionError: always.
    """
    raise AssertionError(f"{cell_name(cell)} {what}.")
