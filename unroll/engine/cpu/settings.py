"""What a cell holds besides tensors, comparable, so that a changed setting gives a new plan."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import torch
from torch import nn

from unroll.engine.cpu.fingerprint import INTERNAL, library, names_in

SIMPLE = (bool, int, float, complex, str, bytes, type(None), torch.dtype)


class Same:
    """Equal to itself alone; kept in a key, the object's place in memory is not used again."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


def settings_of(cell: nn.Module) -> tuple[Any, ...]:
    """Attributes of a cell, of the modules in it, of their classes, and globals they name."""
    found: list[Any] = []
    for module in cell.modules() if cell._modules else (cell,):
        kind = type(module)
        found.append(kind)
        for name, value in vars(module).items():
            if name not in INTERNAL:
                found.append((name, value if isinstance(value, SIMPLE) else frozen(value, 4)))
        if library(kind) is None:
            found.append(of_class(kind))
    return tuple(found)


def frozen(value: Any, depth: int) -> Any:
    """A value that can be compared later, when the object may have changed inside."""
    if isinstance(value, SIMPLE):
        return value
    if depth == 0 or isinstance(value, nn.Module | type | FunctionType | torch.Tensor):
        return Same(value)
    if isinstance(value, list | tuple):
        return (type(value), *(frozen(v, depth - 1) for v in value))
    if isinstance(value, dict):
        parts = ((frozen(k, depth - 1), frozen(v, depth - 1)) for k, v in value.items())
        return (dict, *parts)
    if isinstance(value, set | frozenset):
        return (set, frozenset(frozen(v, depth - 1) for v in value))
    inside = getattr(value, "__dict__", None)
    return Same(value), None if inside is None else frozen(inside, depth - 1)


def of_class(kind: type) -> tuple[Any, ...]:
    """Numbers and words that a user's class, or its module, gives its methods."""
    found: list[Any] = []
    for base in kind.__mro__:
        if library(base) is not None:
            continue
        for name, value in vars(base).items():
            if isinstance(value, SIMPLE):
                found.append((name, value))
            elif isinstance(value, FunctionType):
                found.append((name, Same(value.__code__)))
                spread = value.__globals__
                for used in names_in(value.__code__):
                    if isinstance(spread.get(used, used), SIMPLE) and used in spread:
                        found.append((used, spread[used]))
    return tuple(found)
