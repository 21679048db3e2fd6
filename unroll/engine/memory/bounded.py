"""Backpropagation in bounded memory, and how a person asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

from unroll.errors import UserError

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


@dataclass(frozen=True)
class Bound:
    """A bound of the memory of a call, by a length or by bytes.

    Attributes:
        length: steps of a segment, 0 for the square root of T, or None where memory decides.
        memory: bytes, or None where the length decides.
    """

    length: int | None
    memory: int | None

    def shared(self, count: int) -> Bound:
        """The share of one of several parts that are run with this bound together."""
        return self if self.memory is None else replace(self, memory=self.memory // max(1, count))


_wanted: ContextVar[Bound | None] = ContextVar("bound", default=None)


@contextmanager
def bounded(
    *, memory: str | int | None = None, segment_length: int | Literal["auto"] | None = None
) -> Iterator[None]:
    """Within the block, every recurrent layer backpropagates exactly, and in bounded memory.

    When to use it: a sequence is too long to keep all its steps until the backward. States are kept
    at the borders of segments, and what lies between is computed again when it is needed. Gradients
    are those of the whole sequence; a call takes up to one more forward.

    Layers and `unroll.unroll` take the same two arguments for one call. Source: A. Gruslys et al.,
    Memory-efficient backpropagation through time, 2016 (https://arxiv.org/abs/1606.03401).

    Args:
        memory: "4GB" or bytes, for one layer's call, which runs by the optimal schedule for it; a
            sequence that fits is not divided. It counts the tensors of backpropagation; about
            30 MB that libraries hold are not counted. None: no bound by memory.
        segment_length: steps of a segment, or "auto", the square root of T, at least 256. None:
            no segments of a given length.

    Raises:
        ValueError: where both are given, or one has no meaning.

    Examples:
        >>> import torch, unroll
        >>> layer, x = unroll.GRU(3, 4), torch.randn(1000, 2, 3)
        >>> with unroll.bounded(segment_length=50):
        ...     output, h = layer(x)
        >>> output.square().mean().backward()
    """
    token = _wanted.set(bound_of(memory, segment_length))
    try:
        yield
    finally:
        _wanted.reset(token)


def requested_bound(
    memory: str | int | None = None, segment_length: int | str | None = None
) -> Bound | None:
    """The bound of a call: its own, else that of the block."""
    return bound_of(memory, segment_length) or _wanted.get()


def bound_of(memory: str | int | None, segment_length: int | str | None) -> Bound | None:
    """The bound that is requested, or None.

    Raises:
        UserError: where both are given, or one has no meaning; it is a ValueError.
    """
    if memory is not None and segment_length is not None:
        raise UserError(
            f"memory={memory!r} and segment_length={segment_length!r} are both given; expected one "
            "of them: a memory decides the segments itself."
        )
    if memory is not None:
        return Bound(None, bytes_of(memory))
    if segment_length is None:
        return None
    if segment_length == "auto":
        return Bound(0, None)
    if not isinstance(segment_length, int) or segment_length < 1:
        raise UserError(
            f"segment_length got {segment_length!r}; expected a number of steps, at least 1, or "
            '"auto" for the square root of the length.'
        )
    return Bound(segment_length, None)


def bytes_of(memory: str | int) -> int:
    """Bytes of "4GB", "500 MB", "2GiB" or a number.

    Raises:
        UserError: for another text; it is a ValueError.

    Examples:
        >>> from unroll.engine.memory.bounded import bytes_of
        >>> bytes_of("1.5GB"), bytes_of("512 MiB"), bytes_of(1000)
        (1500000000, 536870912, 1000)
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([KMGT]?I?B)?\s*", str(memory).upper())
    if isinstance(memory, bool) or found is None or float(found[1]) <= 0:
        raise UserError(
            f'memory got {memory!r}; expected a size such as "4GB", "500MB" or "2GiB", or bytes.'
        )
    return int(float(found[1]) * UNITS[found[2] or ""])
