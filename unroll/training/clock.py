"""The clock of a run: it starts before the data is read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_begun: ContextVar[float | None] = ContextVar("begun", default=None)


class Clock:
    """Seconds since a run was started or resumed: reading, building and training are all in them."""

    def __init__(self) -> None:
        begun = _begun.get()
        self._begun = time.perf_counter() if begun is None else begun

    @property
    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self._begun


@contextmanager
def clock_started() -> Iterator[None]:
    """A block whose clocks all started where it begins: a command counts from before torch is loaded."""
    token = _begun.set(time.perf_counter())
    try:
        yield
    finally:
        _begun.reset(token)
