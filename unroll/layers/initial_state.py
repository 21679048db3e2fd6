"""The state of a recurrent layer before the first step, where it is not the cell's own: learned or random."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import State, map_state
from unroll.cells.state import fields

SPREAD = 0.1  # standard deviation of random states


class InitialState(nn.Module):
    """What is added to a cell's own initial state.

    When to use it: as `layer.start` of an `unroll.Recurrent`, which uses it wherever no state is given.

    Equations, for every field s of floating point:

        learned:  s_0 = s_cell + p                          p is a parameter, zeros at the start
        random:   s_0 = s_cell + e,  e ~ N(0, 0.1^2)        in training, new for each sequence of each call
                  s_0 = s_cell                              in eval mode: its mean

    A random start makes the network insensitive to how it begins; in eval mode it is left out, so that
    predictions can be repeated.

    Args:
        kind: "learned" or "random".
        state: of the layer for one sequence, each field `[L*D, 1, ...]`.

    Raises:
        ValueError: for another kind.

    Examples:
        >>> import torch, unroll
        >>> from unroll.layers.initial_state import InitialState
        >>> layer = unroll.Recurrent("lstm", 3, 4)
        >>> layer.start = InitialState("learned", layer.initial_state(1))
        >>> layer(torch.randn(5, 2, 3))[0].sum().backward()
        >>> tuple(layer.start.h.grad.shape)
        (1, 1, 4)
    """

    def __init__(self, kind: str, state: State) -> None:
        super().__init__()
        if kind not in ("learned", "random"):
            raise ValueError(f"InitialState got kind={kind!r}; expected 'learned' or 'random'.")
        self.kind = kind
        self.names: list[str] = []
        for name, field in fields(state):
            if not field.is_floating_point():
                continue
            self.names.append(name.replace(".", "_"))
            if kind == "learned":
                self.register_parameter(self.names[-1], nn.Parameter(torch.zeros_like(field)))

    def forward(self, state: State) -> State:
        """The initial state.

        Args:
            state: the cell's own, each field `[L*D, B, ...]`.

        Returns:
            The same structure.
        """
        if self.kind == "random" and not self.training:
            return state
        names = iter(self.names)

        def changed(field: Tensor) -> Tensor:
            """A field with what is added to it, both [L*D, B, ...]."""
            if not field.is_floating_point():
                return field
            name = next(names)
            if self.kind == "random":
                return field + SPREAD * torch.randn_like(field)
            parameter: Any = getattr(self, name)
            return field + parameter.to(field)

        return map_state(changed, state)

    def extra_repr(self) -> str:
        return f"{self.kind!r}, {', '.join(self.names)}"
