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
    joined,
    leaf,
    row,
    same,
    sequence,
    tensors,
    used_state,
)


def check_one_by_one(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    alone = [unroll(cell, x[:, b : b + 1], row(state, b)) for b in range(B)]
    same(
        cell,
        "computes something else for a batch than for its sequences one by one",
        unroll(cell, x, state),
        joined(alone),
    )


def check_padding(cell: Cell) -> None:
    """Values and gradients with NaN in the padding = each sequence cut to its length."""
    x = sequence(cell)
    for b, length in enumerate(LENGTHS):
        x[length:, b] = torch.nan
    weight = torch.randn(T, B, cell.output_size, dtype=x.dtype)
    start = used_state(cell)
    weights = [p for p in cell.parameters() if p.requires_grad]

    def gradients(run: Run, leaves: list[Tensor]) -> list[Tensor]:
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
        return [x, *(s for s in tensors(state) if s.is_floating_point())]

    padded_x, padded_state = leaf(x), map_state(leaf, start)
    padded = unroll(cell, padded_x, padded_state, lengths=LENGTHS)

    cut_x, cut_state = leaf(x), map_state(leaf, start)
    alone = []
    for b, length in enumerate(LENGTHS):
        output = x.new_zeros(T, 1, cell.output_size)
        last = row(cut_state, b)
        if length:
            shown, last = unroll(cell, cut_x[:length, b : b + 1], last)
            output = torch.cat([shown, output[length:]])
        alone.append((output, last))
    cut = joined(alone)

    same(cell, f"computes something else when padded (lengths={LENGTHS})", padded, cut)
    got = gradients(padded, leaves_of(padded_x, padded_state))
    expected = gradients(cut, leaves_of(cut_x, cut_state))
    same(
        cell,
        f"has other gradients when padded (lengths={LENGTHS}, NaN in the padding)",
        tuple(got),
        tuple(expected),
    )


def check_two_halves(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    first, carried = unroll(cell, x[: T // 2], state)
    second, last = unroll(cell, x[T // 2 :], carried)
    same(
        cell,
        "computes something else in two halves, with the state carried over, than in one pass",
        (torch.cat([first, second]), last),
        unroll(cell, x, state),
    )


def check_reverse(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    alone = []
    for b, length in enumerate(LENGTHS):
        output, last = x.new_zeros(T, 1, cell.output_size), row(state, b)
        if length:
            shown, last = unroll(cell, x[:length, b : b + 1].flip(0), last)
            output = torch.cat([shown.flip(0), output[length:]])
        alone.append((output, last))
    same(
        cell,
        f"computes something else in reverse than on flipped sequences (lengths={LENGTHS})",
        unroll(cell, x, state, lengths=LENGTHS, reverse=True),
        joined(alone),
    )


def check_resets(cell: Cell) -> None:
    """Row b starts anew before step b + 1, the last row never."""
    x, state = sequence(cell), used_state(cell)
    resets = torch.zeros(T, B, dtype=torch.bool)
    alone = []
    for b in range(B - 1):
        resets[b + 1, b] = True
        before, _ = unroll(cell, x[: b + 1, b : b + 1], row(state, b))
        after, last = unroll(cell, x[b + 1 :, b : b + 1])
        alone.append((torch.cat([before, after]), last))
    alone.append(unroll(cell, x[:, B - 1 :], row(state, B - 1)))
    same(
        cell,
        "computes something else after a reset than from its initial state",
        unroll(cell, x, state, resets=resets),
        joined(alone),
    )


def check_step_by_step(
    make: Callable[[int, int], nn.Module], input_size: int, hidden_size: int
) -> None:
    layer = Recurrent(make, input_size, hidden_size).double().eval()
    x = torch.randn(T, B, input_size, dtype=torch.float64)
    stepper = layer.stepper(B)
    outputs = torch.stack([stepper(step) for step in x])
    cell: Cell = layer.parts()[0][0].cell
    same(
        cell,
        "computes something else step by step (layer.stepper) than over the sequence",
        (outputs, stepper.state),
        layer(x),
    )
