"""The finite-time Lyapunov exponents of a cell: how fast its gradients grow or shrink per step.

The product of T Jacobians stretches most directions by exp(lambda T); lambda_1 is the rate of the
direction that grows fastest. The product itself overflows or underflows within a few hundred steps,
so V is made orthonormal again after each step (Benettin et al. 1980), here going backwards, as
gradients do:

    J_t^T V = Q R,   V <- Q,   lambda_k = mean over t of log |R_kk|

Cost: per step one backward step of K rows and a QR decomposition of [S, K].
Source: G. Benettin et al., Lyapunov characteristic exponents, 1980
(https://doi.org/10.1007/BF02128236); for gradients of recurrent networks: R. Engelken et al., 2023
(https://doi.org/10.1103/PhysRevResearch.5.043044).

T time, B batch, S numbers of the state, K exponents.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unroll.inspect.trajectory import Trajectory

WARM_UP = 10  # a tenth of the steps turns V towards the growing directions and is not counted


def lyapunov_exponents(
    trajectory: Trajectory,
    count: int = 1,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """The largest exponents of each sequence, in nats per step.

    When to use it: to tell by one number whether gradients vanish (below 0) or explode (above 0).

    Args:
        trajectory: of a cell.
        count: K, at most S.
        seed: of the directions that it starts from.
        progress: called with the share that is done.

    Returns:
        [B, K], the largest first; minus infinity where the gradient becomes exactly zero.
    """
    T, B, S = trajectory.steps, trajectory.x.shape[1], trajectory.size
    count = min(count, S)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(B, S, count, generator=generator, dtype=torch.float64)
    V = torch.linalg.qr(start.to(trajectory.x))[0]
    total = V.new_zeros(B, count)
    counted = T - T // WARM_UP
    for t in reversed(range(T)):
        V, R = torch.linalg.qr(trajectory.pull_back(t)(V.permute(2, 0, 1)).permute(1, 2, 0))
        if t < counted:
            total += R.diagonal(dim1=1, dim2=2).abs().log()
        if t % 100 == 0:
            progress(1 - t / T)
    return total / counted
