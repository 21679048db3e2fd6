"""How the gradient of one cell, or of one layer, flows back from the loss: every number of it.

T time, B batch, H units of a field of the state, S all numbers of the state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor

from unroll.cells import map_state
from unroll.engine import Recording
from unroll.errors import UserError
from unroll.inspect.jacobian import largest_singular_values
from unroll.inspect.lyapunov import lyapunov_exponents
from unroll.inspect.trajectory import Trajectory
from unroll.inspect.truncation import WeightGradient, truncation_errors
from unroll.training.gradient_flow import FAR, classify_flow, flow_in_words
from unroll.training.halving import halving_distance, halving_in_words

LEFT_AFTER = (10, 50, 100)  # steps back at which people ask what is left


@dataclass(frozen=True)
class Flow:
    """The gradient at every state of one cell, followed back from the loss.

    name: what it is called in pictures. cell: its class. start: how its weights came to be.
    norms: by field of the state, |dL/d field| by steps back from the loss, [T]: the root mean
        square over sequences of each one's norm. dL/dc of an LSTM counts the way through h too.
    units: by field, the gradient itself for one sequence, [T, H], also by steps back.
    singular_values: the largest of a step's Jacobian, by steps back.
    lyapunov: the largest finite-time Lyapunov exponent, nats a step, mean over the sequences.
    truncation: by window, the share of the weights' gradient that truncation throws away.
    weight_norm: the norm of the gradient of all its weights, summed over sequences, before clipping.
    clipped: what clipping multiplied every gradient by; 1 where nothing was clipped.
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

    @property
    def whole(self) -> list[float]:
        """The norm over all fields of the state, by steps back."""
        return [math.hypot(*at) for at in zip(*self.norms.values(), strict=True)]

    @property
    def steps(self) -> int:
        """T, how many states there are."""
        return len(self.whole)

    @property
    def halving(self) -> float | None:
        """Steps over which the gradient halves; see `halving_distance`."""
        return halving_distance(self.whole)

    def left(self, steps: int) -> float | None:
        """The gradient so many steps back over that at the loss; None where there is no such step."""
        start = self.whole[0]
        return self.whole[steps] / start if steps < self.steps and start > 0 else None

    @property
    def far(self) -> int:
        """The step back at which the gradient is judged: FAR, or the last of a shorter sequence."""
        return min(FAR, self.steps - 1)

    @property
    def verdict(self) -> str:
        """`vanishes`, `explodes` or `lasts`: by what is left at `far`, a hundredth or a hundredfold
        of it after FAR steps."""
        return classify_flow(self.left(self.far), self.far)

    def sentence(self) -> str:
        """What happens to the gradient, and what to try, with the numbers."""
        left = self.left(self.far)
        return flow_in_words(self.name, self.halving, left, self.far, self.cell, self.start)

    def facts(self) -> dict[str, Any]:
        """Everything but the units, for JSON; what is no finite number is None."""
        halving = self.halving
        known = halving is not None and math.isfinite(halving)
        return {
            "name": self.name,
            "cell": self.cell,
            "start": self.start,
            "verdict": self.verdict,
            "halves_every": halving if known and halving > 0 else None,  # type: ignore[operator]
            "doubles_every": -halving if known and halving < 0 else None,  # type: ignore[operator]
            "in_words": halving_in_words(halving),
            "left_after": {k: self.left(k) for k in LEFT_AFTER if k < self.steps},
            "lyapunov_exponent": finite(self.lyapunov),
            "median_singular_value": finite(median(self.singular_values.values())),
            "truncation_error": self.truncation,
            "weight_gradient_norm": finite(self.weight_norm),
            "clipped_by": self.clipped,
            "gradient_norms": {name: list(map(finite, n)) for name, n in self.norms.items()},
            "largest_singular_values": {k: finite(v) for k, v in self.singular_values.items()},
        }


def flow_of(
    name: str,
    trajectory: Trajectory,
    record: Recording,
    *,
    start: str,
    weight_gradient: WeightGradient,
    clip: float | None = None,
    exponent_rows: int = 4,
) -> Flow:
    """Measure one recorded call whose loss has been differentiated.

    weight_gradient: of its weights through a window, see `truncation_errors`.
    clip: the norm to which the gradient of the weights is clipped, which scales all of it.
    exponent_rows: the Lyapunov exponent is the mean over so many sequences.
    Raises: UserError where the state itself overflows.
    """
    check_finite(name, record)
    gradient, clipped = weight_gradient(trajectory.steps), 1.0
    weight_norm = None if gradient is None else float(gradient.norm())
    if clip is not None and weight_norm is not None and weight_norm > clip:
        clipped = clip / weight_norm
    back = {
        field: record.gradients.get(field, torch.zeros_like(states)).flip(0) * clipped
        for field, states in record.states.items()
        if states.is_floating_point()
    }
    some = trajectory_rows(trajectory, exponent_rows)
    return Flow(
        name=name,
        cell=type(trajectory.cell).__name__,
        start=start,
        norms={field: step_norms(gradient) for field, gradient in back.items()},
        units={field: gradient[:, 0].flatten(1) for field, gradient in back.items()},
        singular_values=largest_singular_values(trajectory),
        lyapunov=float(lyapunov_exponents(some).mean()),
        truncation=truncation_errors(weight_gradient, trajectory.steps),
        weight_norm=weight_norm,
        clipped=clipped,
    )


def check_finite(name: str, record: Recording) -> None:
    """Raise UserError where a state is no number: nothing can be followed through it."""
    for states in record.states.values():
        lost = ~states.flatten(1).isfinite().all(1)
        if states.is_floating_point() and bool(lost.any()):
            t = int(lost.nonzero()[0])
            raise UserError(
                f"The state of {name} overflows at step {t + 1} of {len(states)}, so no gradient can "
                f"be followed back through it. Take fewer steps (--length {max(2, t)}), or smaller "
                "recurrent weights."
            )


def step_norms(gradient: Tensor) -> list[float]:
    """Of [T, B, ...], the root mean square over B of the norms, safe from overflow and underflow."""
    flat = gradient.flatten(1)
    largest = flat.abs().amax(1)
    scale = torch.where(largest > 0, largest, torch.ones_like(largest))
    norms = (flat / scale[:, None]).norm(dim=1) * scale / gradient.shape[1] ** 0.5
    return list(norms.nan_to_num(nan=float("inf"), posinf=float("inf")).tolist())


def trajectory_rows(trajectory: Trajectory, rows: int) -> Trajectory:
    """The first `rows` sequences of it."""
    states = map_state(lambda s: s[:, :rows], trajectory.states)
    return Trajectory(trajectory.cell, trajectory.x[:, :rows], states)


def finite(value: float | None) -> float | None:
    """The value, or None for what JSON cannot say."""
    return value if value is not None and math.isfinite(value) else None
