"""Which backend runs a call, and how a user requests one.

A backend is a module with `NAME`, `supports(call) -> None or a reason` and
`run(call) -> (outputs, final_state)`. Backends do not know each other.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch
from torch import Tensor

from unroll.cells import State
from unroll.engine import cpu, loop, parallel, torch_kernels
from unroll.engine.call import Call
from unroll.engine.cpu import build
from unroll.engine.evidence import prefers_torch
from unroll.errors import BackendError, UserError
from unroll.terminal import MOST_SENTENCE, shortened

log = logging.getLogger("unroll")


class Backend(Protocol):
    """What runs a call: a module with a name, a test of what it supports, and a way to run it."""

    NAME: str

    def supports(self, call: Call) -> str | None:
        """None where the backend can run the call, else a reason in words."""

    def run(self, call: Call) -> tuple[Tensor, State]:
        """Outputs [T, B, H] and the final state."""


# in the order that `auto` tries them
BACKENDS: dict[str, Backend] = {
    module.NAME: module for module in (cpu, torch_kernels, parallel, loop)
}

REQUESTED = "it was requested"
_wanted: ContextVar[str | None] = ContextVar("backend", default=None)
_warned: set[tuple[str, str]] = set()
MOST_REASON = 190  # characters of a reason, so that its sentence stays under 300


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Within the block, every call of the engine uses this backend.

    Args:
        name: `"auto"`, `"loop"` (the specification), `"torch"` (torch's own kernels), `"cpu"`
            (the compiler) or `"parallel"` (all steps at once).

    Raises:
        ValueError: for an unknown name.

    Examples:
        >>> import torch, unroll
        >>> with unroll.backend("loop"):
        ...     output, state = unroll.LSTM(3, 4)(torch.zeros(5, 2, 3))
    """
    token = _wanted.set(checked(name, "backend"))
    try:
        yield
    finally:
        _wanted.reset(token)


def checked(name: str, source: str) -> str:
    """The name of a backend, or "auto". Raises: UserError for another one from this source."""
    if name != "auto" and name not in BACKENDS:
        raise UserError(f"{source} got {name!r}; expected one of auto, {', '.join(BACKENDS)}.")
    return name


def requested_backend(name: str | None = None) -> str:
    """The backend that a call, the block around it or UNROLL_BACKEND requests, else auto."""
    if name is not None and name != "auto":
        return checked(name, "backend=")
    within = _wanted.get()
    if within is not None:
        return within
    return checked(os.environ.get("UNROLL_BACKEND") or "auto", "the variable UNROLL_BACKEND")


def choose(call: Call, name: str | None = None) -> tuple[Backend, str]:
    """The backend that will run this call, and why, in a sentence.

    Args:
        call: the call, checked.
        name: a backend's name, or None or "auto" for the one that the block or UNROLL_BACKEND
            requests.

    Returns:
        The backend and the reason.

    Raises:
        BackendError: where the requested backend cannot run the call; it is a RuntimeError.
    """
    requested = requested_backend(name)
    cell = type(call.cell).__name__
    if requested != "auto":
        reason = BACKENDS[requested].supports(call)
        if reason is not None:
            raise BackendError(
                f"The {requested} backend cannot run {cell}: {shortened(reason, MOST_REASON)}. "
                'Use backend="auto" or backend="loop".'
            )
        return BACKENDS[requested], REQUESTED
    refusals: list[str] = []
    candidates = list(BACKENDS.values())
    if prefers_torch(call):
        candidates.remove(torch_kernels)
        candidates.insert(0, torch_kernels)
    for candidate in candidates:
        reason = candidate.supports(call)
        if reason is None:
            if refusals and candidate is not cpu:
                warn_unbuilt()
            return candidate, "; ".join(refusals) or "it is the fastest that can run this call"
        refusals.append(f"the {candidate.NAME} backend cannot: {reason}")
    raise RuntimeError(f"No backend can run {cell}: {'; '.join(refusals)}.")


def warn_once(call: Call, chosen: Backend, why: str) -> None:
    """Warn, once for each cell and reason, that a call falls back to the loop.

    Where nothing can be built here, `warn_unbuilt` has said so for all cells.
    """
    key = (type(call.cell).__name__, why)
    unbuilt = build.failure()
    if unbuilt is not None and unbuilt.reason in why:
        return
    if chosen is loop and why != REQUESTED and key not in _warned and not torch.jit.is_tracing():
        _warned.add(key)
        log.warning("%s runs on the loop backend, step by step in Python: %s.", *key)


def warn_unbuilt() -> None:
    """Warn, once in a process, that kernels cannot be built here, so that other backends run."""
    error = build.failure()
    key = ("kernels", "cannot be built")
    if error is None or key in _warned:
        return
    _warned.add(key)
    start = "No kernels are compiled, and slower backends may run:"
    room = MOST_SENTENCE - len(start) - len(error.advice) - len("  . .")
    advice = error.advice[0].upper() + error.advice[1:]
    log.warning("%s %s. %s.", start, shortened(error.reason, room), advice)
