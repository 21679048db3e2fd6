"""A recurrent layer one step at a time: generation, beam search and streams use only this."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNCell, State, map_state
from unroll.engine import cpu
from unroll.engine.backends import requested_backend, warn_unbuilt
from unroll.engine.call import checked_call
from unroll.errors import BackendError
from unroll.layers.kept_state import state_from_bytes, state_to_bytes, weights_hash
from unroll.layers.stack import Part
from unroll.terminal import shortened


class CellStep(Protocol):
    """One cell with its state, called with inputs [B, I], or numbers of a table's rows [B]."""

    state: State

    def __call__(self, x: Tensor) -> Tensor: ...
    def select(self, rows: Tensor) -> None:
        """Keep these rows [B'] of the batch, in this order."""
        ...


class Stepper:
    """A layer with its weights and its state, run one step per call, without gradients.

    When to use it: `layer.stepper(batch_size)`, to generate, to search, or to follow a live stream.
    It uses the weights at the moment it was made, in eval mode: no dropout.

    Args:
        parts: the layer's `parts()`.
        batch_size: B.
        state: to start from, each field [L, B, ...]; the initial state where None.
        table: every possible input [V, I], for a model that reads symbols: everything that depends
            on the inputs alone is computed once, and a step takes their numbers [B].

    Attributes:
        state: the layer's state, each field [L, B, ...]; may be read and set.

    Raises:
        ValueError: the layer is bidirectional; its second direction reads from the end.
        RuntimeError: the named backend cannot run the cell.

    Examples:
        >>> import torch, unroll
        >>> layer, x = unroll.LSTM(3, 4), torch.randn(5, 2, 3)
        >>> stepper = layer.stepper(batch_size=2)
        >>> outputs = torch.stack([stepper(step) for step in x])
        >>> torch.allclose(outputs, layer(x)[0], atol=1e-6)
        True
    """

    def __init__(
        self,
        parts: Sequence[Sequence[Part]],
        batch_size: int,
        state: State | None = None,
        table: Tensor | None = None,
    ) -> None:
        if any(len(row) != 1 for row in parts):
            raise ValueError(
                "A layer in two directions has no stepper: its second direction reads from the "
                "end. Make the layer with bidirectional=False."
            )
        self._parts = parts
        with torch.no_grad():
            self._steps = [
                make_step(row[0], batch_size, None if k else table) for k, row in enumerate(parts)
            ]
        if state is not None:
            self.state = state

    def __call__(self, x: Tensor) -> Tensor:
        """The outputs [B, output_size] of the next step.

        Args:
            x: inputs [B, I], or with a table numbers of its rows [B]."""
        for step in self._steps:
            x = step(x)
        return x

    @property
    def state(self) -> State:
        """The state after the last step, each field [L, B, ...]."""
        return map_state(lambda *s: torch.stack(s), *(step.state for step in self._steps))

    @state.setter
    def state(self, state: State) -> None:
        layers = [step.state for step in self._steps]
        first = layers[0]
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            state = type(first)(*state)
        map_state(self._check_field, state, *layers)
        for k, step in enumerate(self._steps):
            step.state = map_state(lambda s, k=k: s[k].detach(), state)

    def _check_field(self, field: Tensor, *layers: Tensor) -> None:
        if len(field) != len(layers) or any(field.shape[2:] != s.shape[1:] for s in layers):
            raise ValueError(
                f"The stepper got a state field of shape {list(field.shape)}; expected "
                f"{[len(layers), 'B', *layers[0].shape[1:]]}, as its state has it."
            )

    def state_to_bytes(self) -> bytes:
        """The state as bytes, with a checksum and the hash of the layer's weights as they are now.

        Examples:
            >>> import torch, unroll
            >>> layer = unroll.GRU(3, 4)
            >>> stepper = layer.stepper(batch_size=2)
            >>> output = stepper(torch.randn(2, 3))
            >>> kept = stepper.state_to_bytes()
            >>> again = layer.stepper(batch_size=2)
            >>> again.state = again.state_from_bytes(kept)
            >>> torch.equal(again.state, stepper.state)
            True
        """
        return state_to_bytes(self.state, self._weights_hash())

    def state_from_bytes(self, content: bytes) -> State:
        """The state that `state_to_bytes` of a stepper of this layer made, for as many sequences.

        Args:
            content: the bytes.

        Raises:
            UserError: where they are no state, are damaged, or belong to other weights.
        """
        return state_from_bytes(content, self.state, self._weights_hash())[0]

    def _weights_hash(self) -> str:
        tensors = []
        for k, (part,) in enumerate(self._parts):
            own = dict(part.cell.named_parameters()) | dict(part.cell.named_buffers())
            tensors += [(f"{k}.{n}", t) for n, t in (own | dict(part.parameters or {})).items()]
        return weights_hash(tensors)

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may be kept twice (beam search).

        Args:
            rows: numbers of rows [B'], from 0; the next step has B' inputs.
        """
        for step in self._steps:
            step.select(rows)


def make_step(part: Part, batch_size: int, table: Tensor | None) -> CellStep:
    """The fastest way to run this cell one step at a time, or the way that the user named.

    Args:
        part: the cell, with its parameters.
        batch_size: B.
        table: every possible input [V, I], of which steps take the numbers [B]; or None: steps take
            inputs [B, I].

    Returns:
        The cell with its initial state.

    Raises:
        RuntimeError: where the user named the cpu backend, which cannot run the cell.
    """
    asked = requested_backend()
    if asked in ("auto", "cpu"):
        given = part.parameters or {}
        tensors = [*given.values(), *part.cell.parameters(), *part.cell.buffers()]
        like = next((t for t in tensors if t.is_floating_point()), torch.zeros(()))
        x = like.new_zeros(1, batch_size, part.cell.input_size)
        call = checked_call(part.cell, x, None, None, None, False, None, part.parameters)
        step = cpu.step_by_step(call, table)
        if not isinstance(step, str):
            return step
        if asked == "cpu":
            name = type(part.cell).__name__
            raise BackendError(f"The cpu backend cannot step {name}: {shortened(step, 200)}.")
        warn_unbuilt()
    return EagerStep(part, batch_size, table, fused=asked != "loop")


class EagerStep:
    """A copy of the cell in eval mode, run by PyTorch."""

    def __init__(self, part: Part, batch_size: int, table: Tensor | None, fused: bool) -> None:
        cell = copy_with_parameters(part)
        like = next(iter(tensors(cell)), torch.zeros(()))
        self.table = table
        self.step = step_function(cell, fused)
        self.state = cell.initial_state(batch_size, dtype=like.dtype, device=like.device)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        if self.table is not None:
            x = self.table[x]
        output, self.state = self.step(x, self.state)
        return output

    def select(self, rows: Tensor) -> None:
        """Keep these rows [B'] of the batch, in this order."""
        self.state = map_state(lambda s: s.index_select(0, rows), self.state)


def copy_with_parameters(part: Part) -> Cell:
    """A copy of the cell in eval mode that holds the part's tensors, detached."""
    cell = copy.deepcopy(part.cell)
    for name, tensor in (part.parameters or {}).items():
        setattr(cell, name, nn.Parameter(tensor.detach().clone()))
    return cell.requires_grad_(False).eval()


def tensors(cell: Cell) -> list[Tensor]:
    return [t for t in (*cell.parameters(), *cell.buffers()) if t.is_floating_point()]


def step_function(cell: Cell, fused: bool) -> Callable[[Tensor, State], tuple[Tensor, State]]:
    """Torch's fused step where the cell has one and `fused` is true, else the cell's `step`."""
    if fused and type(cell) is LSTMCell:

        def lstm_step(x: Tensor, state: State) -> tuple[Tensor, State]:
            """One step: x [B, I], h and c [B, H] -> output [B, H], new h and c [B, H]."""
            new = LSTMState(*cell(x, state))
            return new.h, new

        return lstm_step
    if fused and type(cell) in (RNNCell, GRUCell):

        def step(x: Tensor, state: State) -> tuple[Tensor, State]:
            """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
            h = cell(x, state)
            return h, h

        return step
    return cell.step if not cell.noise() else lambda x, state: cell.step(x, state, None)
