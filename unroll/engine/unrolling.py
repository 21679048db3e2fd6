"""The one way into the engine: check the call, choose the backend, run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from unroll.cells import State
from unroll.engine import cpu
from unroll.engine.backends import choose, warn_once
from unroll.engine.call import Call, checked_call
from unroll.engine.memory.bounded import Bound, bound_of, requested_bound
from unroll.engine.memory.segmented import run_segmented
from unroll.engine.record import Recording


def unroll(
    cell: nn.Module,
    x: Tensor,
    state: State | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    resets: Tensor | None = None,
    reverse: bool = False,
    record: Recording | None = None,
    backend: str | None = "auto",
    parameters: Mapping[str, Tensor] | None = None,
    memory: str | int | None = None,
    segment_length: int | Literal["auto"] | None = None,
) -> tuple[Tensor, State]:
    """Run one cell over a batch of sequences.

    When to use it: for a cell of your own, one layer in one direction. Stacks, two directions
    and PackedSequence are `unroll.Recurrent`.

        state_0 = state;  output_t, state_t = cell(x_t, state_{t-1})  for t = 1 .. T

    Args:
        cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        x: inputs [T, B, I], floating point. Padded steps are ignored when `lengths` is given.
        state: the cell's state before the first step; None: `cell.initial_state(B)`.
        lengths: true lengths [B], whole numbers on any device, 0 <= length <= T. None: all T.
        resets: bool [T, B]; true at t puts `cell.initial_state` before step t. None: never.
        reverse: read each sequence from its own last step to its first; outputs stay in place.
        record: an empty `unroll.Recording`, filled with every step. None: nothing is kept.
        backend: "auto", "loop", "torch", "cpu" or "parallel"; "auto" obeys `unroll.backend` and
            UNROLL_BACKEND.
        parameters: tensors to use in place of the cell's own, by name. None: the cell's own.
        memory: bytes, or a size such as "4GB", in which gradients are computed exactly; see
            `unroll.bounded`. None: no bound.
        segment_length: steps of a segment, or "auto"; see `unroll.bounded`. None: no segments.

    Returns:
        Outputs [T, B, output_size], zero past each length, and the state after each sequence's
        own last step (the given state where the length is 0).

    Raises:
        ValueError: for a wrong shape, length or state, or where memory and segment_length are
            both given.
        TypeError: where the cell is none.
        RuntimeError: where the requested backend cannot run the cell.

    Examples:
        >>> import torch, unroll
        >>> cell, x = unroll.GRUCell(3, 4), torch.randn(5, 2, 3)
        >>> output, h = unroll.unroll(cell, x, lengths=[5, 2])
        >>> bool((output[2:, 1] == 0).all()), bool((h[1] == output[1, 1]).all())
        (True, True)
    """
    bound = bound_for(record is not None, memory, segment_length)
    call = checked_call(cell, x, state, lengths, resets, reverse, record, parameters)
    return run_calls([call], backend, bound)[0]


def bound_for(
    recorded: bool, memory: str | int | None, segment_length: int | str | None
) -> Bound | None:
    """The bound of a call; a recorded call keeps every step, so no block bounds it.

    Raises:
        ValueError: where one call is recorded and bounded.
    """
    if not recorded:
        return requested_bound(memory, segment_length)
    if bound_of(memory, segment_length) is not None:
        raise ValueError(
            "A recording keeps every step, so it cannot go with memory= or segment_length=. Leave "
            "one of them out."
        )
    return None


def run_calls(
    calls: Sequence[Call], backend: str | None = "auto", bound: Bound | None = None
) -> list[tuple[Tensor, State]]:
    """Run calls that do not need each other, as the two directions of a layer.

    Compiled calls run beside each other where that is faster.

    Args:
        calls: the calls, checked.
        backend: the backend of all of them; see `unroll.unroll`.
        bound: the bound of memory of each, or None.

    Returns:
        Of each call the outputs [T, B, output_size] and the final state.

    Raises:
        RuntimeError: where the requested backend cannot run a call.
    """
    chosen = []
    for call in calls:
        found, why = choose(call, backend)
        warn_once(call, found, why)
        chosen.append(found)
    if bound is not None:
        if torch.jit.is_tracing():
            raise RuntimeError(
                "A trace computes no gradients, so memory= and segment_length= do not go with it. "
                "Trace or export outside unroll.bounded."
            )
        return [run_segmented(f, call, bound) for f, call in zip(chosen, calls, strict=True)]
    if all(found is cpu for found in chosen):
        return cpu.run_together(calls)
    return [found.run(call) for found, call in zip(chosen, calls, strict=True)]
