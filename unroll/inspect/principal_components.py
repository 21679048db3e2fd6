"""Points of many numbers projected on the plane in which they vary most."""

from __future__ import annotations

import torch
from torch import Tensor


def principal_plane(points: Tensor) -> tuple[Tensor, tuple[float, float]] | None:
    """The first two principal components, by a singular value decomposition in float64.

    Args:
        points: [T, H].

    Returns:
        The coordinates [T, 2] and the share of the variance on each axis; None for fewer than
        three points, fewer than two numbers each, and points that are all equal.

    Examples:
        >>> line = torch.linspace(-1, 1, 5)[:, None] * torch.tensor([[3.0, 4.0]])
        >>> coordinates, shares = principal_plane(line)
        >>> round(float(coordinates[:, 0].abs().max()), 6), round(shares[0], 6)
        (5.0, 1.0)
    """
    centred = points.double() - points.double().mean(0)
    if len(points) < 3 or points.shape[1] < 2 or not bool(centred.abs().max() > 0):
        return None
    U, S, _ = torch.linalg.svd(centred, full_matrices=False)
    shares = (S**2 / (S**2).sum())[:2].tolist()
    return U[:, :2] * S[:2], (shares[0], shares[1])
