"""Ctrl-C and SIGTERM as a request that is answered between two steps of what is done."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class Stopped(Exception):
    """A signal has asked to end what is done, which leaves no result."""


class Interrupt:
    """A block in which the first Ctrl-C or SIGTERM sets `signal`; a second Ctrl-C interrupts.

    Outside the main thread, where Python delivers no signals, it does nothing.

    Attributes:
        signal: "Ctrl-C", "SIGTERM", or None before either.
    """

    def __init__(self) -> None:
        self.signal: str | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Take a signal from Python."""
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name

    def check(self) -> None:
        """Let what is done go on.

        Raises:
            Stopped: with the name of the signal, where one has asked to end.
        """
        if self.signal is not None:
            raise Stopped(self.signal)
