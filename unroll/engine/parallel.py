"""All steps at once, for cells that are linear in their state and define `parallel`.

A cell's `parallel(x [T, B, I], state) -> (outputs, states)` gives the state after every step. So
lengths are a mask and a choice among those states, and reading in reverse is another order of the
inputs. T time, B batch, I input, H output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unroll.cells import Cell, State, map_state
from unroll.cells.cell import shallow_copy
from unroll.engine.call import Call

NAME = "parallel"


def supports(call: Call) -> str | None:
    """A reason in words where this call cannot be run for all steps at once, else None."""
    without = no_parallel_form(call.cell)
    if without is not None:
        return without
    if torch.jit.is_tracing():
        return "a trace would keep the number of steps of its example"
    if call.resets is not None:
        return "a parallel form cannot reset the state inside a sequence"
    if call.record is not None:
        return "a parallel form does not show its steps to a recording"
    if call.cell.noise():
        return "a parallel form takes no noise"
    if any(hooks(module) for module in call.cell.modules()):
        return "it has hooks, which a parallel form would not call"
    if torch._C._functorch.maybe_current_level() is not None:
        return "a parallel form cannot be transformed by torch.func"
    if torch.autograd.forward_ad._current_level >= 0:
        return "a parallel form has no forward-mode derivative"
    return None


def no_parallel_form(cell: Cell) -> str | None:
    """Why a cell has no parallel form, or None; one with a step of its own does not inherit it."""
    name, order = type(cell).__name__, type(cell).__mro__
    owner = next((c for c in order if "parallel" in vars(c)), None)
    if owner is None:
        return f"{name} has no parallel form"
    for method in ("forward", "step"):
        changed = next(c for c in order if method in vars(c))
        if not issubclass(owner, changed):
            return (
                f"{changed.__name__} has a {method} of its own, and the parallel form is that of "
                f"{owner.__name__}"
            )
    return None


def hooks(module: nn.Module) -> bool:
    """Whether a module has hooks."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks
        or module._backward_hooks or module._backward_pre_hooks
    )  # fmt: skip


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step."""
    if call.parameters is None:
        return Parallel(call, call.cell)()
    return functional_call(
        Parallel(call, shallow_copy(call.cell)),
        {f"cell.{k}": v for k, v in call.parameters.items()},
    )


class Parallel(nn.Module):
    """The run as a module, so that `functional_call` can swap the cell's parameters in it."""

    def __init__(self, call: Call, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.call = call
        self.training = cell.training

    def forward(self) -> tuple[Tensor, State]:
        """Outputs [T, B, H] and the final state."""
        cell: Any = self.cell  # one that has `parallel`, which Cell does not declare
        x, state, lengths = self.call.x, self.call.state, self.call.lengths
        T, B = x.shape[:2]
        if T == 0:
            return x.new_zeros(0, B, cell.output_size), state
        if lengths is None:
            x = x.flip(0) if self.call.reverse else x
            output, states = cell.parallel(x, state)
            return output.flip(0) if self.call.reverse else output, map_state(last, states)

        alive = torch.arange(T, device=x.device)[:, None] < lengths  # [T, B]
        x = torch.where(alive[..., None], x, 0)  # padding reaches no gradient
        if self.call.reverse:
            x = reverse_each(x, lengths)
        output, states = cell.parallel(x, state)
        if self.call.reverse:
            output = reverse_each(output, lengths)
        output = torch.where(alive[..., None], output, 0)
        return output, map_state(lambda all, start: at_end(all, start, lengths), states, state)


def last(states: Tensor) -> Tensor:
    """The last of T, [B, ...] of [T, B, ...]; a copy, so that it does not keep them all."""
    return states[-1].clone()


def at_end(states: Tensor, start: Tensor, lengths: Tensor) -> Tensor:
    """Of a field [T, B, ...] each sequence's own last, or its start [B, ...] where it has no step."""
    rows = torch.arange(states.shape[1], device=states.device)
    ends = states[(lengths - 1).clamp_min(0), rows]
    some = (lengths > 0).reshape(-1, *[1] * (start.dim() - 1))
    return torch.where(some, ends, start)


def reverse_each(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence of [T, B, H] from its own last step to its first; padding stays."""
    t = torch.arange(len(x), device=x.device)[:, None]
    source = torch.where(t < lengths, lengths - 1 - t, t)  # [T, B]
    return x.gather(0, source[..., None].expand_as(x))
