"""What one call of the engine asks for, as every backend receives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unroll.cells import Cell, LSTMCell, ProjectedLSTMCell, State, as_cell
from unroll.cells.cell import shallow_copy
from unroll.cells.state import describe

if TYPE_CHECKING:
    from unroll.engine.record import Recording


@dataclass(frozen=True)
class Call:
    """One cell over one sequence batch, checked.

    Attributes:
        cell: the cell.
        x: inputs [T, B, I].
        state: before the first step that is read, fields [B, ...].
        lengths: [B] int64 on x's device, or None for all T.
        resets: bool [T, B], or None for never.
        reverse: whether each sequence is read from its own last step to its first.
        parameters: tensors to use in place of the cell's own, by name, or None.
        record: filled while running, or None.
        noise: what was drawn for it, as `draw_noise` gives it, or None: to be drawn.
        notes: what a backend found out while it was chosen, for when it runs.
    """

    cell: Cell
    x: Tensor
    state: State
    lengths: Tensor | None
    resets: Tensor | None
    reverse: bool
    parameters: Mapping[str, Tensor] | None
    record: Recording | None
    noise: dict[str, tuple[str, Tensor]] | None = None
    notes: dict[str, Any] = field(default_factory=dict, compare=False)


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
    """The call with everything checked once, so that backends need not.

    Args:
        cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        x: inputs [T, B, I].
        state: before the first step, fields [B, ...]; None: the cell's initial state.
        lengths: true lengths [B], whole numbers from 0 to T; None: all T.
        resets: bool [T, B]; None: never.
        reverse: whether each sequence is read from its own last step to its first.
        record: an empty recording to fill, or None.
        parameters: tensors to use in place of the cell's own, by name, or None.

    Raises:
        TypeError: where the cell is none.
        ValueError: for a wrong shape, type, length or state.
    """
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
    state: State = functional_call(Start(shallow_copy(cell)), stand_ins, (x,))
    return state


# starts that are zeros, whatever the parameters
ZEROS = frozenset(c.initial_state for c in (Cell, LSTMCell, ProjectedLSTMCell))


class Start(nn.Module):
    """The initial state as a module, so that `functional_call` can swap the cell's parameters."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> State:
        """The initial state of inputs [T, B, I]."""
        return self.cell.initial_state(x.shape[1], dtype=x.dtype, device=x.device)


def checked_lengths(
    lengths: Tensor | Sequence[int], T: int, B: int, device: torch.device
) -> Tensor:
    """Lengths as int64 [B] on the device.

    Raises:
        ValueError: where there are not B whole numbers from 0 to T.
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

    Raises:
        ValueError: where fields or shapes differ.
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


def parameters_of(call: Call) -> dict[str, Tensor]:
    """Parameters and buffers of the step, as this call gives them."""
    tensors: dict[str, Tensor] | None = call.notes.get("parameters")
    if tensors is None:
        cell = call.cell
        if cell._modules:
            tensors = dict(cell.named_parameters())
            tensors.update(cell.named_buffers())
        else:  # the same, faster
            own = (*cell._parameters.items(), *cell._buffers.items())
            tensors = {name: t for name, t in own if t is not None}
        tensors.update(call.parameters or {})
        call.notes["parameters"] = tensors
    return tensors
