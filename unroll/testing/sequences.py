"""Promises of a cell over a sequence: batches, padding, carried state, direction, resets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unroll.cells import Cell, State, map_state
from unroll.engine import unroll
from unroll.layers import Recurrent
from unroll.testing.comparison import (
    LENGTHS,
    B,
    Run,
    T,
    batch_row,
    check_same,
    joined,
    leaf,
    sequence,
    tensors,
    used_state,
)


def check_one_by_one(cell: Cell) -> None:
    """A batch gives the same results as its sequences one by one."""
    x, state = sequence(cell), used_state(cell)
    alone = [unroll(cell, x[:, b : b + 1], batch_row(state, b)) for b in range(B)]
    check_same(
        cell,
        "computes something else for a batch than for its sequences one by one",
        unroll(cell, x, state),
        joined(alone),
    )


def check_padding(cell: Cell) -> None:
    """Values and gradients with NaN in the padding equal those of each sequence alone."""
    x = sequence(cell)
    for b, length in enumerate(LENGTHS):
        x[length:, b] = torch.nan
    weight = torch.randn(T, B, cell.output_size, dtype=x.dtype)
    start = used_state(cell)
    weights = [p for p in cell.parameters() if p.requires_grad]

    def gradients(run: Run, leaves: list[Tensor]) -> list[Tensor]:
        """Gradients of one loss in the leaves (x [T, B, I], state fields [B, ...]) and in the weights."""
        output, last = run
        loss = (output * weight).sum() + sum(
            (s**2).sum() for s in tensors(last) if s.is_floating_point()
        )
        found = torch.autograd.grad(loss, [*leaves, *weights], allow_unused=True)
        return [
            torch.zeros_like(of) if g is None else g
            for g, of in zip(found, [*leaves, *weights], strict=True)
        ]

    def leaves_of(x: Tensor, state: State) -> list[Tensor]:
        """x [T, B, I], and the floating-point fields [B, ...] of the state."""
        return [x, *(s for s in tensors(state) if s.is_floating_point())]

    padded_x, padded_state = leaf(x), map_state(leaf, start)
    padded = unroll(cell, padded_x, padded_state, lengths=LENGTHS)

    alone_x, alone_state = leaf(x), map_state(leaf, start)
    alone = []
    for b, length in enumerate(LENGTHS):
        output = x.new_zeros(T, 1, cell.output_size)
        last = batch_row(alone_state, b)
        if length:
            steps, last = unroll(cell, alone_x[:length, b : b + 1], last)
            output = torch.cat([steps, output[length:]])
        alone.append((output, last))
    expected_run = joined(alone)

    check_same(
        cell, f"computes something else when padded (lengths={LENGTHS})", padded, expected_run
    )
    got = gradients(padded, leaves_of(padded_x, padded_state))
    expected = gradients(expected_run, leaves_of(alone_x, alone_state))
    check_same(
        cell,
        f"has other gradients when padded (lengths={LENGTHS}, NaN in the padding)",
        tuple(got),
        tuple(expected),
    )


def check_two_halves(cell: Cell) -> None:
    """Two halves with carried state give the same results as one pass."""
    x, state = sequence(cell), used_state(cell)
    first, carried = unroll(cell, x[: T // 2], state)
    second, last = unroll(cell, x[T // 2 :], carried)
    check_same(
        cell,
        "computes something else in two halves, with the state carried over, than in one pass",
        (torch.cat([first, second]), last),
        unroll(cell, x, state),
    )


def check_reverse(cell: Cell) -> None:
    """A reverse pass gives the same results as flipped sequences."""
    x, state = sequence(cell), used_state(cell)
    alone = []
    for b, length in enumerate(LENGTHS):
        output, last = x.new_zeros(T, 1, cell.output_size), batch_row(state, b)
        if length:
            steps, last = unroll(cell, x[:length, b : b + 1].flip(0), last)
            output = torch.cat([steps.flip(0), output[length:]])
        alone.append((output, last))
    check_same(
        cell,
        f"computes something else in reverse than on flipped sequences (lengths={LENGTHS})",
        unroll(cell, x, state, lengths=LENGTHS, reverse=True),
        joined(alone),
    )


def check_resets(cell: Cell) -> None:
    """Row b starts from its initial state before step b + 1, the last row never."""
    x, state = sequence(cell), used_state(cell)
    resets = torch.zeros(T, B, dtype=torch.bool)
    alone = []
    for b in range(B - 1):
        resets[b + 1, b] = True
        before, _ = unroll(cell, x[: b + 1, b : b + 1], batch_row(state, b))
        after, last = unroll(cell, x[b + 1 :, b : b + 1])
        alone.append((torch.cat([before, after]), last))
    alone.append(unroll(cell, x[:, B - 1 :], batch_row(state, B - 1)))
    check_same(
        cell,
        "computes something else after a reset than from its initial state",
        unroll(cell, x, state, resets=resets),
        joined(alone),
    )


def check_step_by_step(
    make: Callable[[int, int], nn.Module], input_size: int, hidden_size: int
) -> None:
    """A layer's stepper gives the same results as the layer."""
    layer = Recurrent(make, input_size, hidden_size).double().eval()
    x = torch.randn(T, B, input_size, dtype=torch.float64)
    stepper = layer.stepper(B)
    outputs = torch.stack([stepper(step) for step in x])
    cell: Cell = layer.parts()[0][0].cell
    check_same(
        cell,
        "computes something else step by step (layer.stepper) than over the sequence",
        (outputs, stepper.state),
        layer(x),
    )
