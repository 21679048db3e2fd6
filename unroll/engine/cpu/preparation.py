"""The plan and the kernels of a cell: made when it is first seen, and found again."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from unroll.cells import fields
from unroll.cells.torch_cell import TorchCell
from unroll.engine.call import Call, parameters_of
from unroll.engine.cpu import build
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.cache import recall, remember
from unroll.engine.cpu.settings import settings_of
from unroll.engine.refusal import Unplannable

if TYPE_CHECKING:
    from unroll.engine.runtime.recipe import Recipe


@dataclass
class Prepared:
    """A step's recipe and its kernels, or why there are none.

    Attributes:
        recipe: the plan of the step.
        kernels: its kernels.
        refusal: why there are none, or None.
        circumstances: compiler and cache, where they are the reason; others may do better.
    """

    recipe: Any = None
    kernels: Any = None
    refusal: str | None = None
    circumstances: Any = None

    @property
    def holds(self) -> bool:
        """Whether the compiler and the cache are still those that were the reason."""
        return self.circumstances is None or self.circumstances == build.circumstances()


_prepared: WeakKeyDictionary[nn.Module, dict[Any, Prepared]] = WeakKeyDictionary()
_lock = threading.RLock()


def _renew() -> None:
    """A child process must not inherit a lock that a thread of its parent holds."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew)


def prepared(call: Call) -> Prepared:
    """The plan and kernels of this call's cell, made when it is first seen as it is now."""
    if "prepared" not in call.notes:
        use = "call" if call.record is None else "recorded call"
        call.notes["prepared"] = prepared_for(call, use, lambda: planned(call))
    found: Prepared = call.notes["prepared"]
    return found


def prepared_for(call: Call, use: str, make: Callable[[], Recipe]) -> Prepared:
    """What was made for this cell as it is now, and for this use of it."""
    key = (
        use,
        call.x.dtype,
        call.x.shape[2],
        tuple((n, t.shape, t.dtype) for n, t in parameters_of(call).items()),
        tuple((n, f.shape[1:], f.dtype) for n, f in fields(call.state)),
        settings_of(call.cell),
    )
    # each call makes a new adapter; what it adapts stays
    owner = call.cell.cell if isinstance(call.cell, TorchCell) else call.cell
    known = _prepared.get(owner)
    ready = None if known is None else known.get(key)
    if ready is None or not ready.holds:
        with _lock:
            known = _prepared.setdefault(owner, {})
            ready = known.get(key)
            if ready is None or not ready.holds:
                ready = known[key] = prepare(
                    call, functools.partial(recipe_from_cache, call, key[:5], make)
                )
    return ready


def recipe_from_cache(call: Call, key: Any, make: Callable[[], Recipe]) -> Recipe:
    """The recipe from the cache on disk where it is there, else made and put there.

    Raises:
        Unplannable: for a step that cannot be planned.
    """
    from unroll.engine.cpu.fingerprint import fingerprint, versions
    from unroll.engine.runtime.recipe import from_json, to_json

    code = fingerprint(call.cell)
    if code is None:
        return in_own_thread(make)
    about = repr((versions(), code, key))
    name = hashlib.sha256(about.encode()).hexdigest() + ".plan"
    known = recall(name)
    if known is not None:
        return from_json(known.decode())
    recipe = in_own_thread(make)
    remember(name, to_json(recipe).encode())
    return recipe


def in_own_thread(make: Callable[[], Recipe]) -> Recipe:
    """Run in a thread of its own: modes, hooks and default devices of this one must not be traced.

    Raises:
        Unplannable: also where the planner itself fails, because the loop can run the cell.
    """
    results: list[Any] = []

    def work() -> None:
        try:
            with torch.random.fork_rng(devices=()):
                results.append(make())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=work, name="unroll-plan")
    thread.start()
    thread.join()
    (result,) = results
    if isinstance(result, Unplannable):
        raise result
    if isinstance(result, Exception):
        why = f"the planner failed on it ({type(result).__name__}: {result})"
        raise Unplannable(why) from result
    recipe: Recipe = result
    return recipe


def planned(call: Call) -> Recipe:
    """This call's cell over time. Raises: Unplannable."""
    from unroll.engine.compiler.plan import plan
    from unroll.engine.compiler.trace import trace
    from unroll.engine.runtime.recipe import recipe_of

    record = call.record is not None
    step = trace(call.cell, parameters_of(call), call.x, call.state, taps=record)
    return recipe_of(plan(step, record=record))


def prepare(call: Call, make: Callable[[], Recipe], compiles: bool = True) -> Prepared:
    """The recipe that `make` makes, and its kernels, compiled; or the reason why not."""
    from unroll.engine.cpu.kernels import Kernels

    reason = build.unavailable()
    try:
        if reason is None:
            recipe = make()
            kernels = Kernels(recipe, call.x.dtype)
            if compiles:
                kernels.load()
            return Prepared(recipe, kernels)
    except Unplannable as refusal:
        return Prepared(refusal=str(refusal))
    except BuildError as error:
        reason = error.reason
    return Prepared(refusal=reason, circumstances=build.circumstances())
