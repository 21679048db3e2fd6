"""The compiler for CPUs: any step that can be planned, as C++ built once and run over all steps."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from unroll.cells import Cell, State, fields
from unroll.cells.torch_cell import TorchCell
from unroll.engine.call import Call
from unroll.engine.cpu import build
from unroll.engine.cpu.settings import settings_of
from unroll.engine.refusal import Unplannable

if TYPE_CHECKING:
    from unroll.engine.cpu.stepping import Stepping
    from unroll.engine.runtime.planned import Job
    from unroll.engine.runtime.recipe import Recipe

NAME = "cpu"


@dataclass
class Prepared:
    """A step's recipe and its kernels, or why there are none.

    circumstances: compiler and cache, where they are the reason; others may do better.
    """

    recipe: Any = None
    kernels: Any = None
    refusal: str | None = None
    circumstances: Any = None

    @property
    def holds(self) -> bool:
        return self.circumstances is None or self.circumstances == build.circumstances()


_prepared: WeakKeyDictionary[nn.Module, dict[Any, Prepared]] = WeakKeyDictionary()
_lock = threading.RLock()


def _renew() -> None:
    """A child process must not inherit a lock that a thread of its parent holds."""
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew)


def supports(call: Call) -> str | None:
    """A reason in words where this call cannot be compiled, else None. Compiles where it can."""
    return unsuited(call.cell, call.x) or prepared(call).refusal


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step."""
    return run_together([call])[0]


def run_together(calls: Sequence[Call]) -> list[tuple[Tensor, State]]:
    """The same for several calls, beside each other where there are threads for it."""
    from unroll.engine.runtime.planned import run_plans

    return run_plans([job_of(call) for call in calls])


def job_of(call: Call) -> Job:
    from unroll.engine.runtime.planned import Job

    ready = prepared(call)
    if ready.refusal is not None:
        raise RuntimeError(f"The cpu backend cannot run this cell: {ready.refusal}.")
    initial = None
    if call.resets is not None:
        from unroll.engine.unrolling import initial_state

        initial = initial_state(call.cell, call.x, call.parameters)
    return Job(ready.recipe, call, parameters_of(call), initial, ready.kernels)


def step_by_step(call: Call, table: Tensor | None) -> Stepping | str:
    """This call's cell one step at a time, or the reason in words why not. See `Stepping`."""
    from unroll.engine.cpu.stepping import Stepping, step_recipe

    refusal = unsuited(call.cell, call.x)
    if refusal is not None:
        return refusal
    parameters, has_table = parameters_of(call), table is not None
    ready = remembered(
        call,
        "table" if has_table else "step",
        lambda: step_recipe(call.cell, parameters, call.x, call.state, has_table),
    )
    if ready.refusal is not None:
        return ready.refusal
    return Stepping(ready.recipe, ready.kernels, parameters, call.state, call.x.dtype, table)


def unsuited(cell: Cell, x: Tensor) -> str | None:
    """Why a call, whatever its cell computes, is not for compiled kernels."""
    if (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY) is not None
    ):
        return "its kernels cannot be traced by torch.compile, torch.export or torch.jit"
    if type(x) not in (Tensor, nn.Parameter):
        return f"its kernels take plain tensors, not {type(x).__name__}"
    if not x.is_cpu:
        return f"its kernels run on the CPU, not on {x.device.type}"
    if x.dtype not in (torch.float32, torch.float64):
        return f"its kernels compute in float32 or float64, not in {x.dtype}"
    if torch.is_autocast_enabled("cpu"):
        return "its kernels do not follow autocast"
    if torch._C._functorch.maybe_current_level() is not None:
        return "its kernels cannot be transformed by torch.func"
    if torch.autograd.forward_ad._current_level >= 0:
        return "its kernels have no forward-mode derivative"
    return hooked(cell)


def hooked(cell: Cell) -> str | None:
    """A refusal where the cell, a module in it, or every module has hooks."""
    every = torch.nn.modules.module
    hooks = (
        every._global_forward_hooks or every._global_forward_pre_hooks
        or every._global_backward_hooks or every._global_backward_pre_hooks
    )  # fmt: skip
    for m in cell.modules() if cell._modules else (cell,):
        hooks = hooks or m._forward_hooks or m._forward_pre_hooks
        hooks = hooks or m._backward_hooks or m._backward_pre_hooks
    return "it has hooks, which compiled kernels would not call" if hooks else None


def parameters_of(call: Call) -> dict[str, Tensor]:
    """Parameters and buffers of the step, as this call gives them."""
    tensors: dict[str, Tensor] | None = call.notes.get("parameters")
    if tensors is None:
        cell = call.cell
        if cell._modules:
            tensors = dict(cell.named_parameters())
            tensors.update(cell.named_buffers())
        else:  # the same, faster
            own = (*cell._parameters.items(), *cell._buffers.items())
            tensors = {name: t for name, t in own if t is not None}
        tensors.update(call.parameters or {})
        call.notes["parameters"] = tensors
    return tensors


def prepared(call: Call) -> Prepared:
    """The plan and kernels of this call's cell, made when it is first seen as it is now."""
    if "prepared" not in call.notes:
        use = "call" if call.record is None else "recorded call"
        call.notes["prepared"] = remembered(call, use, lambda: planned(call))
    found: Prepared = call.notes["prepared"]
    return found


def remembered(call: Call, use: str, make: Callable[[], Recipe]) -> Prepared:
    """What was made for this cell as it is now, and for this use of it."""
    key = (
        use,
        call.x.dtype,
        call.x.shape[2],
        tuple((n, t.shape, t.dtype) for n, t in parameters_of(call).items()),
        tuple((n, f.shape[1:], f.dtype) for n, f in fields(call.state)),
        settings_of(call.cell),
    )
    # an adapter is made anew for each call; what it adapts stays
    owner = call.cell.cell if isinstance(call.cell, TorchCell) else call.cell
    known = _prepared.get(owner)
    ready = None if known is None else known.get(key)
    if ready is None or not ready.holds:
        with _lock:
            known = _prepared.setdefault(owner, {})
            ready = known.get(key)
            if ready is None or not ready.holds:
                ready = known[key] = prepare(call, functools.partial(stored, call, key[:5], make))
    return ready


def stored(call: Call, key: Any, make: Callable[[], Recipe]) -> Recipe:
    """The recipe from the cache on disk where it is there, else made and put there.

    Raises: Unplannable.
    """
    from unroll.engine.cpu.fingerprint import fingerprint, versions
    from unroll.engine.runtime.recipe import from_json, to_json

    code = fingerprint(call.cell)
    if code is None:
        return apart(make)
    about = repr((versions(), code, key))
    name = hashlib.sha256(about.encode()).hexdigest() + ".plan"
    known = build.recall(name)
    if known is not None:
        return from_json(known.decode())
    recipe = apart(make)
    build.remember(name, to_json(recipe).encode())
    return recipe


def apart(make: Callable[[], Recipe]) -> Recipe:
    """Run in a thread of its own: modes, hooks and default devices of this one must not be traced.

    Raises: Unplannable; also where the planner itself fails, because the loop can run the cell.
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
    except build.BuildError as error:
        reason = error.reason
    return Prepared(refusal=reason, circumstances=build.circumstances())


def prebuild(cells: Iterable[tuple[Cell, bool]], dtype: torch.dtype = torch.float64) -> None:
    """Plan several cells and compile them in one build. (cell, whether in training)

    Raises: build.BuildError.
    """
    from unroll.engine.cpu.kernels import load
    from unroll.engine.unrolling import checked_call

    emitted = []
    for cell, training in cells:
        before = cell.training
        cell.train(training)
        x = torch.zeros(1, 1, cell.input_size, dtype=dtype)
        call = checked_call(cell, x, None, None, None, False, None, None)
        ready = prepare(call, lambda call=call: planned(call), compiles=False)  # type: ignore[misc]
        cell.train(before)
        if ready.refusal is None:
            emitted += ready.kernels.emitted
    load(emitted, dtype)
