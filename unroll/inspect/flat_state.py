"""A state as one vector of real numbers, and back: what Jacobians are taken of.

B batch, S numbers of the state that a gradient can flow through.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.cells.state import fields


def flatten_state(state: State) -> Tensor:
    """Every floating-point field side by side; clocks and other counts are skipped.

    Args:
        state: each field [B, ...].

    Returns:
        [B, S].
    """
    return torch.cat([t.flatten(1) for _, t in fields(state) if t.is_floating_point()], 1)


def unflatten_state(vector: Tensor, like: State) -> State:
    """The state of which a vector is the flat form.

    Args:
        vector: [B, S].
        like: a state of the wanted structure; its fields that are no floating-point numbers are
            taken as they are.
    """
    at = 0

    def next_field(field: Tensor) -> Tensor:
        """The next columns of the vector, in the shape [B, ...] of the field."""
        nonlocal at
        if not field.is_floating_point():
            return field
        width = field[0].numel()
        at += width
        return vector[:, at - width : at].reshape(field.shape)

    return map_state(next_field, like)
