"""How the gradient of one cell, or of one layer, flows back from the loss: its measurements.

T time, B batch, H units of a field of the state, S all numbers of the state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

from unroll.cells import map_state
from unroll.engine import Recording
from unroll.errors import UserError
from unroll.inspect.jacobian import largest_singular_values, mean_diagonals
from unroll.inspect.lyapunov import lyapunov_exponents
from unroll.inspect.reservoir import ReservoirMemory, is_reservoir, reservoir_memory
from unroll.inspect.trajectory import Trajectory
from unroll.inspect.truncation import WeightGradient, truncation_errors
from unroll.training.flow_pieces import straight_pieces
from unroll.training.gradient_flow import (
    classify_norms,
    flow_in_words,
    judged_step,
    lasting_field,
    piecewise_halving,
    reach,
)
from unroll.training.halving import halving_in_words

FORWARD, EXPONENT = 0.1, 0.8  # shares of the time until the pass, and until the exponents, are done
REPORTED_STEPS = (10, 50, 100)  # steps back at which reports say what remains of the gradient


@dataclass(frozen=True)
class Flow:
    """The gradient at every state of one cell, followed back from the loss.

    Attributes:
        name: its label in plots.
        cell: the class of the cell.
        start: how its weights were initialised, in words.
        norms: |dL/d field| by field of the state and by steps back from the loss, [T]: the root mean
            square over the sequences. dL/dc of an LSTM includes the path through h.
        units: by field, the gradient of one sequence by steps back, [T, H].
        singular_values: the largest singular value of the Jacobian of a step, by steps back.
        lyapunov: the largest finite-time Lyapunov exponent, nats per step, mean over sequences.
        truncation: by window, the relative error of the weights' gradient.
        weight_norm: the norm of the gradient of all weights, summed over sequences, before clipping;
            None for a cell without weights.
        clipped: the factor by which clipping multiplied every gradient; 1 without clipping.
        diagonals: by field, the mean diagonal of the Jacobian of a step: how much of itself a unit keeps.
        reservoir: what a cell holds whose weights are not trained; None for any other.
    """

    name: str
    cell: str
    start: str
    norms: dict[str, list[float]]
    units: dict[str, Tensor]
    singular_values: dict[int, float]
    lyapunov: float
    truncation: dict[int, float] = field(default_factory=dict)
    weight_norm: float | None = None
    clipped: float = 1.0
    diagonals: dict[str, float] = field(default_factory=dict)
    reservoir: ReservoirMemory | None = None

    @property
    def total_norms(self) -> list[float]:
        """The norm over all fields of the state, by steps back."""
        return [math.hypot(*at) for at in zip(*self.norms.values(), strict=True)]

    @property
    def steps(self) -> int:
        """T, how many states there are."""
        return len(self.total_norms)

    @property
    def halving(self) -> float | None:
        """Steps over which the gradient halves on the longest straight piece of its curve."""
        return piecewise_halving(self.total_norms)

    @property
    def lasting(self) -> list[float]:
        """The norms of the field that keeps most of its gradient: c of an LSTM."""
        return self.norms[lasting_field(self.norms)]

    @property
    def reach(self) -> int | None:
        """Steps back over which a hundredth of the gradient is left, in the field that keeps most."""
        return reach(self.lasting)

    def remaining(self, steps: int) -> float | None:
        """The share of the gradient at the loss that remains after some steps back.

        Args:
            steps: from 0.

        Returns:
            The share; None for a step that does not exist, and a gradient that is zero at the loss.
        """
        start = self.total_norms[0]
        return self.total_norms[steps] / start if steps < self.steps and start > 0 else None

    @property
    def far(self) -> int:
        """The step back at which the flow is classified; see `judged_step`."""
        return judged_step(straight_pieces(self.lasting), self.steps)

    @property
    def outcome(self) -> str:
        """`vanishes`, `explodes` or `lasts`, of the field that keeps most; `reservoir` for such."""
        return "reservoir" if self.reservoir is not None else classify_norms(self.lasting)

    def summary(self) -> str:
        """What happens to the gradient, with numbers, and what to try."""
        if self.reservoir is not None:
            return self.reservoir.in_words(self.name, self.lyapunov)
        return flow_in_words(self.name, self.norms, self.cell, self.start)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the units, for JSON; what is no finite number is None."""
        halving = finite_or_none(self.halving) or 0.0
        return {
            "name": self.name,
            "cell": self.cell,
            "start": self.start,
            "outcome": self.outcome,
            "halves_every": halving if halving > 0 else None,
            "doubles_every": -halving if halving < 0 else None,
            "in_words": halving_in_words(self.halving),
            "field_that_lasts": lasting_field(self.norms),
            "reaches_back": self.reach,
            "judged_at": self.far,
            "remaining_of_field": {
                field: finite_or_none(norms[self.far] / norms[0]) if norms[0] > 0 else None
                for field, norms in self.norms.items()
            },
            "remaining_after": {k: self.remaining(k) for k in REPORTED_STEPS if k < self.steps},
            "memory_capacity": None if self.reservoir is None else self.reservoir.capacity,
            "lyapunov_exponent": finite_or_none(self.lyapunov),
            "median_singular_value": finite_or_none(median(self.singular_values.values())),
            "mean_diagonal": {name: finite_or_none(v) for name, v in self.diagonals.items()},
            "truncation_error": self.truncation,
            "weight_gradient_norm": finite_or_none(self.weight_norm),
            "clipped_by": self.clipped,
            "gradient_norms": {
                name: list(map(finite_or_none, norms)) for name, norms in self.norms.items()
            },
            "largest_singular_values": {
                k: finite_or_none(value) for k, value in self.singular_values.items()
            },
        }


def measure_flow(
    name: str,
    trajectory: Trajectory,
    record: Recording,
    *,
    start: str,
    weight_gradient: WeightGradient,
    clip: float | None = None,
    exponent_rows: int = 4,
    progress: Callable[[float], None] = lambda share: None,
) -> Flow:
    """Measure one recorded call whose loss has been differentiated.

    Args:
        name: the label of the flow.
        trajectory: of the call.
        record: the states of the call and their gradients.
        start: how the weights were initialised, in words.
        weight_gradient: of the weights by window, see `truncation_errors`.
        clip: the norm to which the gradient of the weights is clipped, which scales all gradients.
        exponent_rows: how many sequences the Lyapunov exponent is averaged over.
        progress: called with the share that is done.

    Raises:
        UserError: where the state itself overflows.
    """
    check_finite(name, record)
    gradient, clipped = weight_gradient(trajectory.steps), 1.0
    weight_norm = None if gradient is None else float(gradient.norm())
    if clip is not None and weight_norm is not None and weight_norm > clip:
        clipped = clip / weight_norm
    by_steps_back = {
        field: record.gradients.get(field, torch.zeros_like(states)).flip(0) * clipped
        for field, states in record.states.items()
        if states.is_floating_point()
    }
    progress(FORWARD)
    followed = first_sequences(trajectory, exponent_rows)
    exponents = lyapunov_exponents(
        followed, progress=lambda share: progress(FORWARD + (EXPONENT - FORWARD) * share)
    )
    return Flow(
        name=name,
        cell=type(trajectory.cell).__name__,
        start=start,
        norms={field: step_norms(gradient) for field, gradient in by_steps_back.items()},
        units={field: gradient[:, 0].flatten(1) for field, gradient in by_steps_back.items()},
        singular_values=largest_singular_values(trajectory),
        lyapunov=float(exponents.mean()),
        truncation=truncation_errors(weight_gradient, trajectory.steps),
        weight_norm=weight_norm,
        clipped=clipped,
        diagonals=mean_diagonals(trajectory),
        reservoir=reservoir_memory(trajectory.cell) if is_reservoir(trajectory.cell) else None,
    )


def check_finite(name: str, record: Recording) -> None:
    """Raise UserError where a state is not finite: no gradient can be followed through it."""
    for states in record.states.values():
        overflows = ~states.flatten(1).isfinite().all(1)
        if states.is_floating_point() and bool(overflows.any()):
            t = int(overflows.nonzero()[0])
            raise UserError(
                f"The state of {name} overflows at step {t + 1} of {len(states)}, so no gradient can "
                f"be followed back through it. Take fewer steps (--length {max(2, t)}), or smaller "
                "recurrent weights."
            )


def step_norms(gradient: Tensor) -> list[float]:
    """The norm of a gradient at each step, safe from overflow and underflow.

    Args:
        gradient: [T, B, ...].

    Returns:
        T numbers, each the root mean square over B.
    """
    flat = gradient.flatten(1)
    largest = flat.abs().amax(1)
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    norms = (flat / scale[:, None]).norm(dim=1) * scale / gradient.shape[1] ** 0.5
    return list(norms.nan_to_num(nan=float("inf"), posinf=float("inf")).tolist())


def first_sequences(trajectory: Trajectory, count: int) -> Trajectory:
    """The trajectory of the first sequences of a batch."""
    states = map_state(lambda s: s[:, :count], trajectory.states)
    return Trajectory(trajectory.cell, trajectory.x[:, :count], states)


def finite_or_none(value: float | None) -> float | None:
    """The value, or None for what JSON cannot hold."""
    return value if value is not None and math.isfinite(value) else None
