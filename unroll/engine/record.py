"""What happened inside: named values of every step, and the gradient at every state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from unroll.cells import State, fields
from unroll.cells.cell import tapped


class Recording:
    """Values, states and, after `backward()`, gradients of every step of one call.

    When to use it: pass an empty one as `record=` to `unroll.unroll`, then look.

        values["forget_gate"]   [T, B, H], what the cell named with `tap`
        states["c"]             [T, B, H], each field of the state after every step
        gradients["c"]          [T, B, H], dL/dc_t, once the loss has been differentiated

    Steps past a sequence's length are zero.
    Raises: ValueError where it is used for a second call.

    Example:
        >>> import torch, unroll
        >>> record = unroll.Recording()
        >>> output, _ = unroll.unroll(unroll.LSTMCell(3, 4), torch.randn(5, 2, 3), record=record)
        >>> output[-1].sum().backward()
        >>> tuple(record.values["forget_gate"].shape), tuple(record.gradients["c"].shape)
        ((5, 2, 4), (5, 2, 4))
    """

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}
        self.states: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}
        self._values: dict[str, dict[int, Tensor]] = {}
        self._states: dict[str, dict[int, Tensor]] = {}
        self._finished = False

    @contextmanager
    def step(self, t: int) -> Iterator[None]:
        """Collect what the cell names during step t."""
        if self._finished:
            raise ValueError("This Recording holds an earlier call; make a new one for each call.")

        def collect(name: str, value: Tensor) -> None:
            self._values.setdefault(name, {})[t] = value.detach()

        with tapped(collect):
            yield

    def state(self, t: int, state: State) -> None:
        """Keep the state after step t, and its gradient when it comes."""
        for name, tensor in fields(state):
            self._states.setdefault(name, {})[t] = tensor.detach()
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient, n=name, t=t: self._gradient(n, t, gradient))

    def finish(self, T: int, alive: Tensor | None) -> None:
        """Stack the steps. alive: bool [T, B], false past each sequence's end, or None."""
        for collected, stacked in ((self._values, self.values), (self._states, self.states)):
            for name, steps in collected.items():
                tensor = torch.stack([steps[t] for t in range(T)])
                if alive is not None:
                    tensor = tensor * alive.reshape(alive.shape + (1,) * (tensor.dim() - 2))
                stacked[name] = tensor
            collected.clear()
        self._finished = True

    def _gradient(self, name: str, t: int, gradient: Tensor) -> None:
        if name not in self.gradients:
            self.gradients[name] = torch.zeros_like(self.states[name])
        self.gradients[name][t] += gradient.detach()
