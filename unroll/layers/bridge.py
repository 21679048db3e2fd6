"""From an encoder's summary to the initial state of a decoder with any cell."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from unroll.cells import State
from unroll.layers.dense import Dense

# the fields that hold a memory, and those that hold the states of a wrapped cell
CARRIED = ("h", "c", "real", "imaginary", "cell", "past")
Change = Callable[[Tensor], Tensor]


class Bridge(nn.Module):
    """The initial state of a decoder: one linear layer and tanh for each field of the state.

    When to use it: between an encoder and a decoder, whose cells, sizes and numbers of layers may
    differ.

    Equations:

        field = tanh(W_field s + b_field)

    A state that is a tensor is such a field, and so are the fields h and c, and both parts of a
    complex state, also where states nest. Every other field starts as the cell starts it: a clock,
    a running maximum, a normaliser, and the c that a normaliser n divides.

    Source: D. Bahdanau et al., Neural machine translation by jointly learning to align and
    translate, 2015 (https://arxiv.org/abs/1409.0473), appendix A.2.2, for every field.

    Args:
        summary_size: the width of s.
        initial: a state of the decoder for one sequence, each field [L, 1, ...].

    Shapes:
        - summary: s [B, summary_size].
        - initial: the decoder's own initial state, each field [L, B, ...].
        - returns: a state of the same structure and shapes.

    Examples:
        >>> import torch, unroll
        >>> from unroll.layers.bridge import Bridge
        >>> decoder = unroll.Recurrent("lstm", 3, 4, num_layers=2)
        >>> bridge = Bridge(6, decoder.initial_state(1))
        >>> state = bridge(torch.randn(5, 6), decoder.initial_state(5))
        >>> type(state).__name__, tuple(state.h.shape), tuple(state.c.shape)
        ('LSTMState', (2, 5, 4), (2, 5, 4))
    """

    def __init__(self, summary_size: int, initial: State) -> None:
        super().__init__()
        # [L, 1, ...] of each carried field
        self.sizes = [math.prod((len(f), *f.shape[2:])) for f in carried_fields(initial)]
        self.linear = Dense(summary_size, sum(self.sizes)) if self.sizes else None

    def forward(self, summary: Tensor, initial: State) -> State:
        """The decoder's first state.

        Args:
            summary: s [B, summary_size].
            initial: the decoder's own initial state, each field [L, B, ...].

        Returns:
            A state of the same structure and shapes.
        """
        if self.linear is None:
            return initial
        new = torch.tanh(self.linear(summary)).split(self.sizes, 1)
        fields = iter(
            part.view(len(part), len(f), *f.shape[2:]).transpose(0, 1)
            for part, f in zip(new, carried_fields(initial), strict=True)
        )
        return replace_fields(initial, lambda _: next(fields))


def carried_fields(state: State) -> list[Tensor]:
    """The fields that a bridge computes, in order."""
    found: list[Tensor] = []

    def note(field: Tensor) -> Tensor:
        """Keep a field [L, B, ...] that a bridge computes, and return it as it is."""
        found.append(field)
        return field

    replace_fields(state, note)
    return found


def replace_fields(
    state: State, change: Change, name: str = "h", beside: tuple[str, ...] = ()
) -> State:
    """The state with `change` applied to each field that a bridge computes.

    Args:
        state: each field [L, B, ...].
        change: called with each such field, in order.
        name: of this part of the state.
        beside: the names of all fields beside it."""
    if isinstance(state, tuple):
        own: tuple[str, ...] | None = getattr(state, "_fields", None)
        names = own or (name,) * len(state)
        parts = [
            replace_fields(part, change, field, own or beside)
            for field, part in zip(names, state, strict=True)
        ]
        return type(state)(*parts) if own else tuple(parts)
    normalised = name == "c" and "n" in beside
    if name in CARRIED and not normalised and state.is_floating_point():
        return change(state)
    return state
