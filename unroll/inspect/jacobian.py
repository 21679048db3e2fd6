"""How much one step can stretch a gradient: the largest singular value of its Jacobian.

J_t = d state_t / d state_{t-1}, [S, S], along the states that the cell went through. Going back over
the step makes a gradient at most sigma_max(J_t) times as long; the product over the steps is the
bound of Pascanu et al. 2013 (https://arxiv.org/abs/1211.5063).

T time, S numbers of the state.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.cells.state import fields
from unroll.inspect.trajectory import Trajectory

DIAGONAL_STEPS = 8
OPERATIONS = 1e9  # S cubed times the number of steps that are decomposed, about a second


def jacobians(trajectory: Trajectory, steps: Tensor, row: int = 0) -> Tensor:
    """The Jacobians of some steps of one sequence.

    Args:
        trajectory: of a cell.
        steps: N steps, counted from 0.
        row: the sequence.

    Returns:
        [N, S, S]; [n, i, j] is d state_t[i] / d state_{t-1}[j] of step t = steps[n].
    """
    identity = torch.eye(trajectory.size, dtype=trajectory.x.dtype, device=trajectory.x.device)
    rows = identity[:, None].expand(-1, len(steps), -1)
    return trajectory.pull_back_many(steps, row)(rows).transpose(0, 1)


def largest_singular_values(trajectory: Trajectory) -> dict[int, float]:
    """The largest singular value of the Jacobian of each step, of the first sequence.

    Where the state is large, the steps are a sample, evenly spaced and at least eight, so that the
    measurement takes seconds and not minutes.

    Args:
        trajectory: of a cell.

    Returns:
        The values by steps back from the last step.
    """
    T = trajectory.steps
    count = int(min(T, max(8, OPERATIONS / trajectory.size**3)))
    steps = torch.linspace(0, T - 1, count).round().long().unique()
    by_steps_back: dict[int, float] = {}
    for part in steps.split(max(1, int(2e7 / trajectory.size**2))):  # 160 MB of float64
        values = torch.linalg.svdvals(jacobians(trajectory, part))[:, 0]
        pairs = zip(part.tolist(), values.tolist(), strict=True)
        by_steps_back |= {T - 1 - t: value for t, value in pairs}
    return dict(sorted(by_steps_back.items()))


def mean_diagonals(trajectory: Trajectory) -> dict[str, float]:
    """How much of itself a unit keeps over a step: the mean diagonal of the Jacobian of each field.

    A cell that transforms its state, as the Elman cell does, has a diagonal around 0: what a unit held
    is spread over others. A cell that adds to it, as the memory c' = f c + i g of an LSTM, has a diagonal
    around f.

    Args:
        trajectory: of a cell.

    Returns:
        By field of the state, the mean over units and over at most eight steps of the first sequence.
    """
    T = trajectory.steps
    steps = torch.linspace(0, T - 1, min(T, DIAGONAL_STEPS)).round().long().unique()
    diagonals = jacobians(trajectory, steps).diagonal(dim1=1, dim2=2)  # [N, S]
    found, at = {}, 0
    for name, field in fields(trajectory.state_before(0)):
        if field.is_floating_point():
            width = field[0].numel()
            found[name] = float(diagonals[:, at : at + width].mean())
            at += width
    return found
