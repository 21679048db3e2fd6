"""What happened inside: named values of every step, and the gradient at every state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from unroll.cells import State, fields, map_state
from unroll.cells.cell import collecting_taps
from unroll.engine.recording_page import recording_page


class Recording:
    """Values, states and, after `backward()`, gradients of every step of one call.

    When to use it: pass an empty one as `record=` to `unroll.unroll`, then look.

        values["forget_gate"]   [T, B, H], what the cell named with `tap`
        states["c"]             [T, B, H], each field of the state after every step
        gradients["c"]          [T, B, H], dL/dc_t, once the loss has been differentiated

    Steps past a sequence's length are zero. Compiled kernels write it down as they run, forward
    and backward, in a few per cent of their time; a cell that they cannot record is run by the loop.

    Raises:
        ValueError: where a recording is used for a second call.

    Examples:
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

    def __repr__(self) -> str:
        tensors = [*self.values.values(), *self.states.values()]
        size = "{} steps, {} sequences".format(*tensors[0].shape) if tensors else "empty"
        groups = {"values": self.values, "states": self.states, "gradients": self.gradients}
        named = "".join(f"; {group} {', '.join(of)}" for group, of in groups.items() if of)
        return f"<Recording: {size}{named}>"

    def _repr_html_(self) -> str:
        return recording_page(
            {"values": self.values, "states": self.states, "gradients": self.gradients}
        )

    @contextmanager
    def step(self, t: int) -> Iterator[None]:
        """Collect what the cell names during step t."""
        self.check_new()

        def collect(name: str, value: Tensor) -> None:
            """Keep a named value of step t, [B, ...]."""
            self._values.setdefault(name, {})[t] = value.detach()

        with collecting_taps(collect):
            yield

    def state(self, t: int, state: State, given: Sequence[Tensor]) -> State:
        """Keep the state after step t, and its gradient when it comes.

        Args:
            t: the step.
            state: the state after it, fields [B, ...].
            given: what the step read, `[*]` each; a field that is one of these as it is becomes a
                view, so that its gradient is that of the new state alone.

        Returns:
            The state to go on with, fields [B, ...].
        """
        own = lambda f: f.view_as(f) if any(f is g for g in given) else f  # noqa: E731
        state = map_state(own, state)
        for name, tensor in fields(state):
            self._states.setdefault(name, {})[t] = tensor.detach()
            if tensor.requires_grad:
                tensor.register_hook(lambda gradient, n=name, t=t: self._gradient(n, t, gradient))
        return state

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

    def fill(self, values: dict[str, Tensor], states: dict[str, Tensor]) -> None:
        """Take all steps at once, each [T, B, ...]."""
        self.values.update(values)
        self.states.update(states)
        self._finished = True

    def add_gradient(self, name: str, gradient: Tensor) -> None:
        """What a backward found at a field of the state, [T, B, ...]; more of them add up."""
        known = self.gradients.get(name)
        self.gradients[name] = gradient if known is None else known + gradient

    def check_new(self) -> None:
        """Check that this recording is empty.

        Raises:
            ValueError: where it was used before.
        """
        if self._finished:
            raise ValueError("This Recording holds an earlier call; make a new one for each call.")

    def _gradient(self, name: str, t: int, gradient: Tensor) -> None:
        if name not in self.gradients:
            self.gradients[name] = torch.zeros_like(self.states[name])
        self.gradients[name][t] += gradient.detach()
