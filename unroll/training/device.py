"""The device that a run uses."""

from __future__ import annotations

import torch

from unroll.errors import UserError


def checked_device(name: str) -> torch.device:
    """The device, where it is available.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps".

    Raises:
        UserError: where it is not, with those that are.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        available = ["cpu"]
        available += [f"cuda:{k}" for k in range(torch.cuda.device_count())]
        available += ["mps"] if torch.backends.mps.is_available() else []
        raise UserError(
            f"Device {name!r} is not available. Available: {', '.join(available)} (--device)."
        ) from error
    return device
