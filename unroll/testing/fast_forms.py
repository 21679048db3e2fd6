"""Promises of the fast ways to run a cell: its own parallel form, and compiled kernels."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from unroll.cells import Cell, State, map_state
from unroll.engine import cpu, parallel, unroll
from unroll.engine.call import checked_call
from unroll.testing.comparison import (
    LENGTHS,
    B,
    Run,
    check_same,
    leaf,
    sequence,
    tensors,
    used_state,
)

LONG = 130  # steps: more than two blocks of 64, for parallel forms that work in blocks


def check_parallel(cell: Cell) -> None:
    """Values and gradients over a long sequence; values also in two parts."""
    if parallel.no_parallel_form(cell) is not None or cell.noise():
        return
    at_once: Any = cell
    x = torch.randn(LONG, B, cell.input_size, dtype=torch.float64)
    initial = cell.initial_state(B, dtype=torch.float64, device="cpu")
    weights = [p for p in cell.parameters() if p.requires_grad]
    for start in (used_state(cell), initial):
        found = []
        for run in (at_once.parallel, partial(one_by_one, cell)):
            leaves = leaf(x), map_state(leaf, start)
            result = run(*leaves)
            smooth = [t for t in tensors(result) if t.requires_grad]
            into = [t for t in (*tensors(leaves), *weights) if t.requires_grad]
            total = torch.stack([t.cos().sum() for t in smooth]).sum()
            gradients = torch.autograd.grad(total, into, allow_unused=True, materialize_grads=True)
            found.append((result, gradients))
        (whole, gradients), (expected, its_gradients) = found
        check_same(
            cell, "computes something else in its parallel form than by steps", whole, expected
        )
        check_same(cell, "has other gradients in its parallel form", gradients, its_gradients)
        for split in (1, LONG // 2, LONG - 1):
            output, states = at_once.parallel(x[:split], start)
            carried = map_state(lambda s: s[-1], states)
            rest, further = at_once.parallel(x[split:], carried)
            check_same(
                cell,
                "computes something else in its parallel form in two parts, with the state "
                "carried over",
                (torch.cat([output, rest]), map_state(lambda *s: torch.cat(s), states, further)),
                whole,
            )


def one_by_one(cell: Cell, x: Tensor, state: State) -> Run:
    """Outputs [T, B, H] and the state after every step, as a parallel form gives them."""
    outputs, states = [], []
    for step in x:
        output, state = cell.step(step, state)
        outputs.append(output)
        states.append(state)
    return torch.stack(outputs), map_state(lambda *s: torch.stack(s), *states)


def check_compiled(cell: Cell) -> None:
    """In eval mode, and where the cell declares noise, also in training, with the same noise."""
    for training in (False, True) if cell.noise() else (False,):
        cell.train(training)
        x, state = leaf(sequence(cell)), map_state(leaf, used_state(cell))
        if cpu.supports(checked_call(cell, x, state, LENGTHS)) is not None:
            return
        seed = torch.random.initial_seed()
        found = []
        for name in ("cpu", "loop"):
            torch.manual_seed(seed)
            output, last = unroll(cell, x, state, lengths=LENGTHS, backend=name)
            smooth = [t for t in tensors((output, last)) if t.requires_grad]
            into = [t for t in (x, *tensors(state), *cell.parameters()) if t.requires_grad]
            gradients: tuple[Tensor, ...] = ()
            if smooth and into:
                total = torch.stack([t.cos().sum() for t in smooth]).sum()
                gradients = torch.autograd.grad(
                    total, into, allow_unused=True, materialize_grads=True
                )
            found.append((output, last, gradients))
        mode = " in training mode" if training else ""
        check_same(
            cell, f"computes something else in compiled kernels than in the loop{mode}", *found
        )
