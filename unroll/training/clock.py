"""The clock of a run: it starts before the data is read."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

EXIT_SECONDS = 0.7  # of the processor, in which Python with torch ends

_begun: ContextVar[float | None] = ContextVar("begun", default=None)


class Clock:
    """Seconds since a run was started or resumed: reading, building and training are all in them.

    Attributes:
        read_seconds: until the data was read.
        floor_seconds: what fitting the simple model took, which is fitted once more in the end.
    """

    def __init__(self) -> None:
        self.read_seconds = self.floor_seconds = 0.0
        begun = _begun.get()
        self._is_of_command = begun is not None
        self._begun = time.perf_counter() if begun is None else begun

    @property
    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self._begun

    @property
    def exit_seconds(self) -> float:
        """How long the process of a command will take to end, on a machine as busy as it is now."""
        if not self._is_of_command:
            return 0.0
        return EXIT_SECONDS * max(1.0, self.seconds / max(time.process_time(), 1e-3))


def process_age() -> float:
    """Seconds since this process started, where the system tells (Linux); else 0."""
    try:
        started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up - int(started) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


@contextmanager
def clock_started(ago: float = 0.0) -> Iterator[None]:
    """A block whose clocks all started where it begins: a command counts from before torch is loaded.

    Args:
        ago: seconds by which they started earlier.
    """
    token = _begun.set(time.perf_counter() - ago)
    try:
        yield
    finally:
        _begun.reset(token)
