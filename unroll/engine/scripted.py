"""The loop over time as TorchScript, so that what is traced runs for any number of steps.

`torch.jit.trace`, and `torch.onnx.export(..., dynamo=False)` above it, write down what Python does
with one example, so a loop in Python becomes as many steps as the example has. Here one step is
traced by itself, and a loop around it is compiled from text; ONNX has it as a `Loop`.

T time, B batch, I input, H output.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell, State, fields, map_state
from unroll.cells.cell import shallow_copy
from unroll.cells.torchscript import compiled_function
from unroll.engine.call import Call, parameters_of
from unroll.engine.noise import at_step, draw_noise


def supports(call: Call) -> str | None:
    """A reason in words where a trace of this call keeps its example's number of steps, else None."""
    if call.record is not None:
        return "of a recording"
    if call.resets is not None:
        return "of resets"
    if call.noise or (call.cell.training and call.cell.noise()):
        return "of the noise that the cell draws in training mode (call .eval() first)"
    return None


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step, while tracing."""
    x, lengths = call.x, call.lengths
    alive: list[Tensor] = []
    if lengths is not None:
        steps = torch.arange(x.shape[0], device=x.device)[:, None]
        alive = [steps < lengths]  # [T, B]
        x = torch.where(alive[0][..., None], x, 0)  # padding reaches no output
    states = [field for _, field in fields(call.state)]
    given = parameters_of(call)
    dims = [s.dim() for s in states]

    def compiled() -> Callable[..., tuple[Tensor, ...]]:
        """The loop around the traced step."""
        step = traced_step(call, list(given))
        return scripted_loop(step, dims, len(given), bool(alive), call.reverse)

    with warnings.catch_warnings():
        # those of torch.jit, which the user has chosen
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = in_a_thread(compiled)
    output, *last = loop(x, *states, *given.values(), *alive)
    final = iter(last)
    return output, map_state(lambda _: next(final), call.state)


def traced_step(call: Call, names: list[str]) -> Any:
    """One step as a function of TorchScript: inputs [B, I], fields, tensors -> outputs, fields.

    For a thread that traces nothing else: traces do not nest.

    Args:
        call: gives the cell and an example.
        names: of the cell's parameters and buffers, in the order in which the function takes them.

    Raises:
        Exception: what the step raises.
    """
    count = len(list(fields(call.state)))
    noise = at_step(draw_noise(call.cell, call.x), 0)  # None, for cells that declare some

    def step(x: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Outputs and the fields of the new state."""
        old = iter(tensors[:count])
        cell = with_tensors(call.cell, dict(zip(names, tensors[count:], strict=True)))
        output, new = cell.step(x, map_state(lambda _: next(old), call.state), *noise)
        return (output, *(field for _, field in fields(new)))

    if not len(call.x):
        raise ValueError("The example to be traced has no step; expected at least one.")
    given = [call.x[0], *(f for _, f in fields(call.state)), *parameters_of(call).values()]
    example = tuple(t.detach().clone() for t in given)
    return torch.jit.trace(step, example, check_trace=False)


def in_a_thread(work: Callable[[], Any]) -> Any:
    """What some work returns, or raises, in a thread of its own."""
    done: list[Any] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        """Do the work."""
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def with_tensors(cell: Cell, tensors: dict[str, Tensor]) -> Cell:
    """A copy of a cell with other parameters and buffers, which may be traced ones.

    `torch.func.functional_call` refuses to run in a trace.
    """
    copy = shallow_copy(cell)
    for name, tensor in tensors.items():
        path, _, own = name.rpartition(".")
        module: nn.Module = copy.get_submodule(path)
        kind = "_parameters" if own in module._parameters else "_buffers"
        module.__dict__[kind][own] = tensor
    return copy


def scripted_loop(
    step: Any, dims: list[int], tensors: int, has_lengths: bool, reverse: bool
) -> Callable[..., tuple[Tensor, ...]]:
    """The loop around a step, compiled: inputs [T, B, I], fields, tensors -> outputs, fields.

    Args:
        step: as `traced_step` gives it.
        dims: of each field of the state.
        tensors: how many parameters and buffers the step takes.
        has_lengths: whether the last argument says who is alive, bool [T, B].
        reverse: whether to begin with the last step.
    """
    old = [f"s{k}" for k in range(len(dims))]
    new = [f"n{k}" for k in range(len(dims))]
    given = [f"p{k}" for k in range(tensors)]
    arguments = ", ".join(["x", *old, *given, *(["alive"] if has_lengths else [])])
    lines = [
        f"def run({arguments}):",
        "    outputs: List[Tensor] = []",
        "    T = x.size(0)",
        "    for k in range(T):",
        f"        t = {'T - 1 - k' if reverse else 'k'}",
        f"        {', '.join(['y', *new])} = step({', '.join(['x[t]', *old, *given])})",
    ]
    if has_lengths:  # past its end a sequence keeps its state and shows zeros
        lines += [
            "        now = alive[t]",
            f"        y = torch.where({rows(2)}, y, torch.zeros_like(y))",
        ]
        lines += [
            f"        {n} = torch.where({rows(dim)}, {n}, {s})"
            for n, s, dim in zip(new, old, dims, strict=True)
        ]
    lines += [f"        {s} = {n}" for n, s in zip(new, old, strict=True)]
    outputs = "torch.stack(outputs)" + (".flip(0)" if reverse else "")
    lines += ["        outputs.append(y)", f"    return {', '.join([outputs, *old])}"]
    return compiled_function("\n".join(lines) + "\n", "run", step=step)


def rows(dim: int) -> str:
    """The text of `now` [B] with the axes of a field."""
    return f"now.reshape({[-1] + [1] * (dim - 1)})"
