"""The trajectory of a cell through one call: its inputs, and the state before every step.

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
from unroll.inspect.flat_state import flatten_state, unflatten_state


@dataclass(frozen=True)
class Trajectory:
    """What a cell read and the states that it went through, ready for Jacobians.

    Attributes:
        cell: in eval mode.
        x: its inputs, [T, B, I].
        states: the state before each step, every field [T, B, ...].
    """

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
        return flatten_state(self.state_before(0)).shape[1]

    def state_before(self, t: int) -> State:
        """The state before step t, counted from 0; every field [B, ...]."""
        return map_state(lambda field: field[t], self.states)

    def pull_back(self, t: int) -> Callable[[Tensor], Tensor]:
        """The transposed Jacobian of one step, as a function.

        The rows of a batch do not depend on each other, so a batch is B Jacobians at once.

        Args:
            t: the step, counted from 0.

        Returns:
            A function that takes gradients [K, B, S] at the state after the step to those at the
            state before it.
        """
        return vector_jacobian_product(self.cell, self.x[t], self.state_before(t))

    def pull_back_many(self, steps: Tensor, row: int = 0) -> Callable[[Tensor], Tensor]:
        """The transposed Jacobians of many steps of one sequence at once, as a function.

        Args:
            steps: N steps, counted from 0.
            row: the sequence.

        Returns:
            A function of gradients [K, N, S].
        """
        state = map_state(lambda field: field[steps, row], self.states)
        return vector_jacobian_product(self.cell, self.x[steps, row], state)


def require_gradients(state: State) -> State:
    """A copy whose fields require gradients, so that they flow through cells without parameters."""
    return map_state(
        lambda field: field.detach().clone().requires_grad_(field.is_floating_point()), state
    )


def recorded_trajectory(cell: Cell, x: Tensor, initial: State, record: Recording) -> Trajectory:
    """The trajectory of a recorded call.

    Args:
        cell: that was called, in eval mode.
        x: its inputs, [T, B, I].
        initial: the state that it started from.
        record: the states after each step.
    """
    names = iter([name for name, _ in fields(initial)])

    def states_before(start: Tensor) -> Tensor:
        """A field before each step [T, B, ...], from that before the first step [B, ...]."""
        after = record.states[next(names)]
        return torch.cat([start.detach()[None], after[:-1]])

    return Trajectory(cell, x.detach(), map_state(states_before, initial))


def vector_jacobian_product(cell: Cell, x: Tensor, state: State) -> Callable[[Tensor], Tensor]:
    """A function that takes gradients [K, B, S] after a step to those before it. x: [B, I]."""

    def step(vector: Tensor) -> Tensor:
        """The flat state [B, S] after the step, from that before it [B, S]."""
        noise = at_step({} if cell.noise() else None, 0)  # without: eval mode draws none
        _, new = cell.step(x, unflatten_state(vector, state), *noise)
        return flatten_state(new)

    with torch.no_grad():  # of the outer graph: the inner one is torch.func's own
        backwards = torch.func.vjp(step, flatten_state(state))[1]

    def pull(gradients: Tensor) -> Tensor:
        """Gradients [K, B, S] after the step -> those before it [K, B, S]."""
        with torch.no_grad():
            product: Tensor = torch.func.vmap(lambda one: backwards(one)[0])(gradients)
        return product

    return pull
