"""A recurrent layer one step at a time: generation, beam search and streams use only this."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, RNNCell, State, map_state
from unroll.engine.backends import wanted
from unroll.layers.stack import Part


class Stepper:
    """A layer with its weights and its state at hand, read one step a call, without gradients.

    When to use it: `layer.stepper(batch_size)`, to generate, to search, or to follow a live stream.
    The weights are those of the moment it was made, and it runs in eval mode: no dropout.

    Attributes:
        state: the layer's state, each field [L, B, ...]; may be read and set.

    Raises: ValueError for a layer in two directions, which must see the end before the start.

    Example:
        >>> import torch, unroll
        >>> layer, x = unroll.LSTM(3, 4), torch.randn(5, 2, 3)
        >>> stepper = layer.stepper(batch_size=2)
        >>> outputs = torch.stack([stepper(step) for step in x])
        >>> torch.allclose(outputs, layer(x)[0], atol=1e-6)
        True
    """

    def __init__(
        self, parts: Sequence[Sequence[Part]], batch_size: int, state: State | None = None
    ) -> None:
        if any(len(row) != 1 for row in parts):
            raise ValueError(
                "A layer in two directions has no stepper: its second direction reads from the "
                "end. Make the layer with bidirectional=False."
            )
        self.cells = [bound(row[0]) for row in parts]
        self._steps = [step_function(cell) for cell in self.cells]
        like = next((p for cell in self.cells for p in tensors(cell)), torch.zeros(()))
        self._states: list[State] = [
            cell.initial_state(batch_size, dtype=like.dtype, device=like.device)
            for cell in self.cells
        ]
        if state is not None:
            self.state = state

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """The outputs [B, output_size] of the next step. x: inputs [B, I]."""
        for layer, step in enumerate(self._steps):
            x, self._states[layer] = step(x, self._states[layer])
        return x

    @property
    def state(self) -> State:
        """The state after the last step, each field [L, B, ...]."""
        return map_state(lambda *s: torch.stack(s), *self._states)

    @state.setter
    def state(self, state: State) -> None:
        first = self._states[0]
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            state = type(first)(*state)
        map_state(self._check_field, state, *self._states)
        self._states = [
            map_state(lambda s, l=layer: s[l].detach(), state) for layer in range(len(self.cells))
        ]

    def _check_field(self, field: Tensor, *layers: Tensor) -> None:
        if len(field) != len(layers) or any(field.shape[2:] != s.shape[1:] for s in layers):
            raise ValueError(
                f"The stepper got a state field of shape {list(field.shape)}; expected "
                f"{[len(layers), 'B', *layers[0].shape[1:]]}, as its state has it."
            )

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may be kept twice (beam search)."""
        self._states = [map_state(lambda s: s.index_select(0, rows), s) for s in self._states]


def bound(part: Part) -> Cell:
    """A copy of the cell in eval mode that holds the part's tensors, detached."""
    cell = copy.deepcopy(part.cell)
    for name, tensor in (part.parameters or {}).items():
        setattr(cell, name, nn.Parameter(tensor.detach().clone()))
    return cell.requires_grad_(False).eval()


def tensors(cell: Cell) -> list[Tensor]:
    return [t for t in (*cell.parameters(), *cell.buffers()) if t.is_floating_point()]


def step_function(cell: Cell) -> Callable[[Tensor, State], tuple[Tensor, State]]:
    """Torch's fused step where the cell has one and the loop was not asked for, else `step`."""
    fused = wanted() != "loop"
    if fused and type(cell) is LSTMCell:

        def lstm_step(x: Tensor, state: State) -> tuple[Tensor, State]:
            new = LSTMState(*cell(x, state))
            return new.h, new

        return lstm_step
    if fused and type(cell) in (RNNCell, GRUCell):

        def step(x: Tensor, state: State) -> tuple[Tensor, State]:
            h = cell(x, state)
            return h, h

        return step
    return cell.step if not cell.noise() else lambda x, state: cell.step(x, state, None)
