"""How much one step can stretch a gradient: the largest singular value of its Jacobian.

J_t = d state_t / d state_{t-1}, [S, S], along the states that the cell went through. A gradient
that goes back over the step comes out at most sigma_max(J_t) times as long. Product after product,
this is the bound of Pascanu et al. 2013 (https://arxiv.org/abs/1211.5063).

T time, S numbers of the state.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.inspect.trajectory import Trajectory

WORK = 1e9  # S cubed times the number of steps that are decomposed, about a second


def jacobians(trajectory: Trajectory, steps: Tensor, row: int = 0) -> Tensor:
    """The Jacobians [len(steps), S, S] of these steps of one sequence: [n, i, j] is
    d state_t[i] / d state_{t-1}[j]."""
    units = torch.eye(trajectory.size, dtype=trajectory.x.dtype, device=trajectory.x.device)
    of_each = units[:, None].expand(-1, len(steps), -1)
    return trajectory.pull_many(steps, row)(of_each).transpose(0, 1)


def largest_singular_values(trajectory: Trajectory) -> dict[int, float]:
    """The largest singular value of a step's Jacobian, by how many steps before the last it is.

    Of every step where the state is small, else of steps evenly spaced, so that a large state takes
    seconds and not minutes; of the first sequence.
    """
    T = trajectory.steps
    count = int(min(T, max(8, WORK / trajectory.size**3)))
    steps = torch.linspace(0, T - 1, count).round().long().unique()
    found: dict[int, float] = {}
    for some in steps.split(max(1, int(2e7 / trajectory.size**2))):  # 160 MB of float64
        values = torch.linalg.svdvals(jacobians(trajectory, some))[:, 0]
        found |= {T - 1 - t: value for t, value in zip(some.tolist(), values.tolist(), strict=True)}
    return dict(sorted(found.items()))
