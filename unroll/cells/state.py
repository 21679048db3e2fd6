"""The state of a cell: a tensor `[B, ...]`, or a (named, possibly nested) tuple of such tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

State = Any


def map_state(function: Callable[..., Any], *states: State) -> State:
    """Apply `function` to every field, keeping the structure of the first state.

    Args:
        function: called with one tensor of each state.
        states: states of one structure; at least one.

    Raises:
        ValueError: the states do not have the same structure.
    """
    first = states[0]
    if not isinstance(first, tuple):
        return function(*states)
    if any(not isinstance(other, tuple) or len(other) != len(first) for other in states[1:]):
        raise ValueError(
            f"Got states of different structure: {' and '.join(map(describe, states))}; "
            "expected the same fields in each."
        )
    parts = [map_state(function, *parts) for parts in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def fields(state: State, name: str = "h") -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of a state with its name: `h` for a bare tensor, dotted where states nest."""
    if not isinstance(state, tuple):
        yield name, state
        return
    names = getattr(state, "_fields", None) or [str(k) for k in range(len(state))]
    for field, part in zip(names, state, strict=True):
        if isinstance(part, tuple):
            yield from ((f"{field}.{inner}", tensor) for inner, tensor in fields(part))
        else:
            yield field, part


def describe(state: State) -> str:
    """A state's fields and shapes, for error messages: `LSTMState(h [2, 4], c [2, 4])`."""
    if not isinstance(state, tuple):
        return str(list(state.shape)) if isinstance(state, Tensor) else type(state).__name__
    parts = ", ".join(
        f"{name} {list(t.shape) if isinstance(t, Tensor) else type(t).__name__}"
        for name, t in fields(state)
    )
    return f"{type(state).__name__}({parts})"
