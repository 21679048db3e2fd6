"""Many numbers a point in the plane where the points vary most: principal components."""

from __future__ import annotations

import torch
from torch import Tensor


def principal(states: Tensor) -> tuple[Tensor, tuple[float, float]] | None:
    """States [T, H] in the plane where they vary most, [T, 2], and the share of each axis; None
    where there is nothing to spread."""
    centred = states.double() - states.double().mean(0)
    if len(states) < 3 or states.shape[1] < 2 or not bool(centred.abs().max() > 0):
        return None
    U, S, _ = torch.linalg.svd(centred, full_matrices=False)
    shares = (S**2 / (S**2).sum())[:2].tolist()
    return U[:, :2] * S[:2], (shares[0], shares[1])
