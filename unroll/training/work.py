"""What a task hands to the training loop: plain functions, and nothing of the task beyond them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import State


@dataclass(frozen=True)
class Work:
    """model: on its device. batch(n): batch n of the run, on that device, with `.tokens` and
    `.fresh`. per_epoch: batches in an epoch. loss(batch, state): summed loss and the state to
    carry. initial_state(): of the structure that loss returns, or None where nothing is carried.
    evaluate(): held-out figures, of which `decides`, lower is better, says which weights are kept.
    sample(): a glimpse, or None.
    learning_rate: the highest. unit: what a token is, for people. device: where it all is.
    solve(watch): where the weights are found in closed form: it sets them, and returns what to say;
    then nothing is trained."""

    model: nn.Module
    batch: Callable[[int], Any]
    per_epoch: int
    loss: Callable[[Any, State | None], tuple[Tensor, State | None]]
    initial_state: Callable[[], State | None]
    evaluate: Callable[[], dict[str, float]]
    sample: Callable[[], str] | None
    learning_rate: float
    unit: str
    device: torch.device
    decides: str = "loss"
    solve: Callable[[Callable[[float], None]], list[str]] | None = None
