"""From what an encoder has read to the state that a decoder starts in, whatever its cell."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from unroll.cells import State
from unroll.layers.dense import Dense

# what a cell remembers, in the names of its papers, and a wrapped cell's own state
CARRIED = ("h", "c", "real", "imaginary", "cell", "past")
Change = Callable[[Tensor], Tensor]


class Bridge(nn.Module):
    """The start of a decoder: one linear layer and tanh for each field of its state.

    When to use it: between an encoder and a decoder, whose cells, sizes and layers may differ.

        field = tanh(W_field s + b_field)

    A state that is a tensor is such a field, and so are the fields h and c, and both parts of a
    complex one, also where states nest. Every other field starts as the cell itself starts it: a
    clock, a running maximum, a normaliser, and the c that a normaliser n divides.

    Source: D. Bahdanau et al., Neural machine translation by jointly learning to align and
    translate, 2015 (https://arxiv.org/abs/1409.0473), appendix A.2.2, for every field.

    Args:
        summary_size: numbers of s. initial: a state of the decoder for one sequence, each field
            [L, 1, ...].

    Input: s [B, summary_size], and the state that the decoder would start in, each [L, B, ...].
    Output: the same structure.

    Example:
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
        if self.linear is None:
            return initial
        new = torch.tanh(self.linear(summary)).split(self.sizes, 1)
        fields = iter(
            part.view(len(part), len(f), *f.shape[2:]).transpose(0, 1)
            for part, f in zip(new, carried_fields(initial), strict=True)
        )
        return replace_fields(initial, lambda _: next(fields))


def carried_fields(state: State) -> list[Tensor]:
    """The fields that a bridge gives, in order."""
    found: list[Tensor] = []

    def note(field: Tensor) -> Tensor:
        found.append(field)
        return field

    replace_fields(state, note)
    return found


def replace_fields(
    state: State, change: Change, name: str = "h", beside: tuple[str, ...] = ()
) -> State:
    """The state with each of these fields changed. name: of the field; beside: all names there."""
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
