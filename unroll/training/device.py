"""The device that a run uses."""

from __future__ import annotations

import torch

from unroll.errors import UserError


def checked_device(name: str) -> torch.device:
    """The device, if it is there.

    Raises: UserError where it is not, with what is.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        there = ["cpu"]
        there += [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise UserError(
            f"--device got {name!r}, which this machine has not; it has {', '.join(there)}."
        ) from error
    return device
