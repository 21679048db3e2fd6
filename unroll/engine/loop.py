"""The reference loop: the specification that every other backend is measured against.

Any cell, device and dtype. T time, B batch, I input, H output.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from unroll.cells import Cell, State, fields, map_state
from unroll.cells.cell import shallow_copy
from unroll.engine import scripted
from unroll.engine.call import Call
from unroll.engine.noise import at_step, draw_noise

NAME = "loop"


def supports(call: Call) -> str | None:
    """The loop runs every cell."""
    return None


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step."""
    if torch.jit.is_tracing():
        why = scripted.supports(call)
        if why is None:
            return scripted.run(call)
        call = with_fixed_steps(call, why)
    if call.parameters is None:
        return Loop(call, call.cell)()
    return functional_call(
        Loop(call, shallow_copy(call.cell)), {f"cell.{k}": v for k, v in call.parameters.items()}
    )


def with_fixed_steps(call: Call, why: str) -> Call:
    """The call with inputs that fail, when its trace runs, for another number of steps.

    Args:
        call: a call that is being traced.
        why: the trace keeps the number of steps.
    """
    T = len(call.x)
    warnings.warn(
        f"The trace of {type(call.cell).__name__} runs for exactly {T} steps, as its example, because "
        f"{why}; it fails for any other number.",
        torch.jit.TracerWarning,
        stacklevel=2,
    )
    cell = call.cell  # torch.func.functional_call refuses to run in a trace
    if call.parameters is not None:
        cell = scripted.with_tensors(cell, dict(call.parameters))
    return replace(call, cell=cell, parameters=None, x=torch.stack(call.x.unbind(0)))


class Loop(nn.Module):
    """The loop as a module, so that `functional_call` can swap the cell's parameters in it."""

    def __init__(self, call: Call, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.call = call
        self.training = cell.training

    def forward(self) -> tuple[Tensor, State]:
        """Outputs [T, B, H] and the final state."""
        cell, x, state, record = self.cell, self.call.x, self.call.state, self.call.record
        lengths, resets = self.call.lengths, self.call.resets
        T, B = x.shape[:2]
        if T == 0:
            return x.new_zeros(0, B, cell.output_size), state
        if lengths is not None:  # padding, even NaN, must reach no gradient
            steps = torch.arange(T, device=x.device)
            alive = steps[:, None] < lengths  # [T, B]
            x = where(alive, x, torch.zeros_like(x))
            resets = None if resets is None else resets & alive  # the padding resets nothing
        if resets is not None:
            start = cell.initial_state(B, dtype=x.dtype, device=x.device)
        noise = draw_noise(cell, x) if self.call.noise is None else self.call.noise

        outputs: list[Tensor] = [x] * T
        for t in reversed(range(T)) if self.call.reverse else range(T):
            if resets is not None:
                state = map_state(lambda s, old, now=resets[t]: where(now, s, old), start, state)
            if record is None:
                output, new = cell.step(x[t], state, *at_step(noise, t))
            else:
                given = [x[t], *(f for _, f in fields(state))]
                with record.step(t):
                    output, new = cell.step(given[0], state, *at_step(noise, t))
                new = record.state(t, new, given)
            if lengths is not None:  # past its end a sequence keeps its state and shows zeros
                output = where(alive[t], output, torch.zeros_like(output))
                new = map_state(lambda s, old, now=alive[t]: where(now, s, old), new, state)
            outputs[t], state = output, new

        if record is not None:
            record.finish(T, None if lengths is None else alive)
        return torch.stack(outputs), state


def where(rows: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """`yes` in the rows that are true, `no` elsewhere; rows [B] or [T, B] has fewer axes."""
    return torch.where(rows.reshape(rows.shape + (1,) * (yes.dim() - rows.dim())), yes, no)
