"""A state as one vector of real numbers, and back: what Jacobians are taken of.

B batch, S numbers of the state that a gradient can flow through.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.cells.state import fields


def flatten(state: State) -> Tensor:
    """Every floating-point field side by side, [B, S]; clocks and other counts are left out."""
    return torch.cat([t.flatten(1) for _, t in fields(state) if t.is_floating_point()], 1)


def unflatten(vector: Tensor, like: State) -> State:
    """The state of which `vector` [B, S] is the flat form; what has no gradient is that of `like`."""
    at = 0

    def part(field: Tensor) -> Tensor:
        nonlocal at
        if not field.is_floating_point():
            return field
        width = field[0].numel()
        at += width
        return vector[:, at - width : at].reshape(field.shape)

    return map_state(part, like)
