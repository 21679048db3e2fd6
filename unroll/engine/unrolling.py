"""The one way into the engine: check the call, choose the backend, run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unroll.cells import Cell, LSTMCell, ProjectedLSTMCell, State, as_cell
from unroll.cells.cell import twin
from unroll.cells.state import describe
from unroll.engine import cpu
from unroll.engine.backends import choose, say_once
from unroll.engine.call import Call
from unroll.engine.memory.bounded import Bound, bound_of, wanted_bound
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
        memory, segment_length: exact gradients in bounded memory, as `unroll.bounded` says.

    returns: outputs [T, B, output_size], zero past each length, and the state after each
        sequence's own last step (the given state where the length is 0).
    Raises: ValueError or TypeError for a wrong shape, length or state; RuntimeError where a
        backend was named that cannot run the cell.

    Example:
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
    """The bound of a call. One that is recorded keeps every step, so a block bounds it not.

    Raises: ValueError where both are asked for of one call.
    """
    if not recorded:
        return wanted_bound(memory, segment_length)
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

    Compiled ones run beside each other where that is faster. bound: of each. Raises: as `unroll`.
    """
    chosen = []
    for call in calls:
        found, why = choose(call, backend)
        say_once(call, found, why)
        chosen.append(found)
    if bound is not None:
        return [run_segmented(f, call, bound) for f, call in zip(chosen, calls, strict=True)]
    if all(found is cpu for found in chosen):
        return cpu.run_together(calls)
    return [found.run(call) for found, call in zip(chosen, calls, strict=True)]


def checked_call(
    cell: nn.Module,
    x: Tensor,
    state: State | None = None,
    lengths: Tensor | Sequence[int] | None = None,
    resets: Tensor | None = None,
    reverse: bool = False,
    record: Recording | None = None,
    parameters: Mapping[str, Tensor] | None = None,
) -> Call:
    """The call with everything checked once, so that backends need not."""
    known = as_cell(cell)
    if parameters is not None and known is not cell:  # torch's own cell, behind the adapter
        parameters = {f"cell.{name}": tensor for name, tensor in parameters.items()}
    cell, name = known, type(known).__name__
    if not isinstance(x, Tensor) or x.dim() != 3 or x.shape[2] != cell.input_size:
        got = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(
            f"unroll got inputs of shape {got} for {name}; expected [T, B, I={cell.input_size}]. "
            "The time axis comes first: for [B, T, I] pass x.transpose(0, 1)."
        )
    T, B = x.shape[:2]
    initial = initial_state(cell, x, parameters)
    state = initial if state is None else matched(state, initial, name)
    if resets is not None and (resets.dtype != torch.bool or resets.shape != (T, B)):
        raise ValueError(
            f"unroll got resets of shape {list(resets.shape)} and {resets.dtype}; "
            f"expected bool [T={T}, B={B}]."
        )
    return Call(
        cell=cell,
        x=x,
        state=state,
        lengths=None if lengths is None else checked_lengths(lengths, T, B, x.device),
        resets=resets,
        reverse=reverse,
        parameters=parameters,
        record=record,
    )


def initial_state(cell: Cell, x: Tensor, parameters: Mapping[str, Tensor] | None) -> State:
    """The state before the first step of inputs [T, B, I], with stand-ins for parameters."""
    if parameters is None or type(cell).initial_state in ZEROS:
        return cell.initial_state(x.shape[1], dtype=x.dtype, device=x.device)
    stand_ins = {f"cell.{k}": v for k, v in parameters.items()}  # a learned start may be among them
    state: State = functional_call(Start(twin(cell)), stand_ins, (x,))
    return state


# starts that are zeros, whatever the parameters
ZEROS = frozenset(c.initial_state for c in (Cell, LSTMCell, ProjectedLSTMCell))


class Start(nn.Module):
    """The initial state as a module, so that `functional_call` can swap the cell's parameters."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> State:
        return self.cell.initial_state(x.shape[1], dtype=x.dtype, device=x.device)


def checked_lengths(
    lengths: Tensor | Sequence[int], T: int, B: int, device: torch.device
) -> Tensor:
    """Lengths as int64 [B] on the device.

    Raises: ValueError where there are not B whole numbers from 0 to T.
    """
    given = torch.as_tensor(lengths)
    if not given.numel():  # an empty list has no whole numbers to be known by
        given = given.to(torch.int64)
    if given.is_floating_point() or given.dtype == torch.bool or given.shape != (B,):
        raise ValueError(
            f"lengths got shape {list(given.shape)} and {given.dtype}; expected B={B} whole "
            "numbers, one a sequence."
        )
    given = given.to(device=device, dtype=torch.int64)
    if B and (int(given.min()) < 0 or int(given.max()) > T):
        raise ValueError(
            f"lengths go from {int(given.min())} to {int(given.max())}; expected numbers from 0 "
            f"to T={T}."
        )
    return given


def matched(state: State, initial: State, name: str) -> State:
    """The given state in the structure of the cell's own.

    Raises: ValueError where fields or shapes differ.
    """
    if isinstance(initial, tuple) and isinstance(state, tuple | list):
        if len(state) == len(initial):
            parts = [matched(s, i, name) for s, i in zip(state, initial, strict=True)]
            return type(initial)(*parts) if hasattr(initial, "_fields") else tuple(parts)
    elif isinstance(state, Tensor) and isinstance(initial, Tensor):
        if state.shape == initial.shape:
            return state
    raise ValueError(
        f"unroll got state {describe(state)} for {name}; expected {describe(initial)}. "
        "Leave state out to start from the cell's initial state."
    )
