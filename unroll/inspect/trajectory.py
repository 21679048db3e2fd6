"""The way that a cell went through one call: its inputs, and the state before every step.

T time, B batch, I input, S numbers of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.cells import Cell, State, map_state
from unroll.cells.state import fields
from unroll.engine import Recording
from unroll.engine.noise import at_step
from unroll.inspect.flat import flatten, unflatten


@dataclass(frozen=True)
class Trajectory:
    """cell: in eval mode. x: its inputs [T, B, I]. states: the state before each of T steps, every
    field [T, B, ...]."""

    cell: Cell
    x: Tensor
    states: State

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)

    @property
    def size(self) -> int:
        """S, how many numbers the state has."""
        return flatten(self.before(0)).shape[1]

    def before(self, t: int) -> State:
        """The state before step t, counted from 0."""
        return map_state(lambda field: field[t], self.states)

    def pull(self, t: int) -> Callable[[Tensor], Tensor]:
        """Step t's Jacobian, transposed, as a function: gradients [K, B, S] one step further back.

        A cell's rows know nothing of each other, so a batch is as many Jacobians at once.
        """
        return pulled(self.cell, self.x[t], self.before(t))

    def pull_many(self, steps: Tensor, row: int = 0) -> Callable[[Tensor], Tensor]:
        """The same for many steps of one sequence at once: [K, len(steps), S]."""
        state = map_state(lambda field: field[steps, row], self.states)
        return pulled(self.cell, self.x[steps, row], state)


def asking(state: State) -> State:
    """A copy that asks for its gradient, so that even a reservoir's, which trains nothing, flows."""
    return map_state(
        lambda field: field.detach().clone().requires_grad_(field.is_floating_point()), state
    )


def along(cell: Cell, x: Tensor, initial: State, record: Recording) -> Trajectory:
    """The trajectory of a recorded call over x [T, B, I] from the state `initial`."""
    names = iter([name for name, _ in fields(initial)])

    def before(start: Tensor) -> Tensor:
        after = record.states[next(names)]
        return torch.cat([start.detach()[None], after[:-1]])

    return Trajectory(cell, x.detach(), map_state(before, initial))


def pulled(cell: Cell, x: Tensor, state: State) -> Callable[[Tensor], Tensor]:
    """Gradients [K, B, S] at the state after a step, carried to the state before it."""

    def step(vector: Tensor) -> Tensor:
        silence = at_step({} if cell.noise() else None, 0)
        _, new = cell.step(x, unflatten(vector, state), *silence)
        return flatten(new)

    with torch.no_grad():  # of the outer graph: the inner one is torch.func's own
        backwards = torch.func.vjp(step, flatten(state))[1]

    def pull(gradients: Tensor) -> Tensor:
        with torch.no_grad():
            carried: Tensor = torch.func.vmap(lambda one: backwards(one)[0])(gradients)
        return carried

    return pull
