"""The finite-time Lyapunov exponents of a cell: how fast its gradients grow or shrink, a step.

The product of T Jacobians stretches most directions by exp(lambda T); lambda_1 is the rate of the
fastest growing. The product itself overflows or underflows within a few hundred steps, so V is made
orthonormal again after each (Benettin et al. 1980), here going backwards, as gradients do:

    J_t^T V = Q R,   V <- Q,   lambda_k = mean over t of log |R_kk|

Cost: one backward step of K rows and a QR of [S, K] a step.
Source: G. Benettin et al., Lyapunov characteristic exponents, 1980
(https://doi.org/10.1007/BF02128236); for gradients of recurrent networks: R. Engelken et al., 2023
(https://doi.org/10.1103/PhysRevResearch.5.043044).

T time, B batch, S numbers of the state, K exponents.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.inspect.trajectory import Trajectory

WARM_UP = 10  # one step in so many turns V towards the directions that grow, and is not counted


def lyapunov_exponents(trajectory: Trajectory, many: int = 1, seed: int = 0) -> Tensor:
    """The `many` largest exponents of each sequence, nats a step, [B, K].

    Minus infinity where the gradient becomes exactly zero.
    """
    T, B, S = trajectory.steps, trajectory.x.shape[1], trajectory.size
    many = min(many, S)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(B, S, many, generator=generator, dtype=torch.float64)
    V = torch.linalg.qr(start.to(trajectory.x))[0]
    total = V.new_zeros(B, many)
    counted = T - T // WARM_UP
    for t in reversed(range(T)):
        carried = trajectory.pull(t)(V.permute(2, 0, 1)).permute(1, 2, 0)
        V, R = torch.linalg.qr(carried)
        if t < counted:
            total += R.diagonal(dim1=1, dim2=2).abs().log()
    return total / counted
