"""The optimizers by name; only matrices decay."""

from __future__ import annotations

import math

import torch
from torch import nn

from unroll.settings import TrainingSettings


def make_optimizer(
    model: nn.Module, settings: TrainingSettings, learning_rate: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) or SGD with momentum, without decay on vectors.

    Args:
        model: whose parameters are trained.
        settings: which optimizer, its momentum and its decay.
        learning_rate: before the schedule.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=settings.momentum)
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99), fused=fused)


def clip_gradient(model: nn.Module, settings: TrainingSettings) -> float:
    """Shorten the gradient as the settings say.

    Args:
        model: whose parameters have gradients.
        settings: the longest norm, and the largest value.

    Returns:
        The norm before, over all parameters.
    """
    parameters = [p for p in model.parameters() if p.grad is not None]
    norm = float(nn.utils.clip_grad_norm_(parameters, settings.clip_norm or math.inf))
    if settings.clip_value is not None:
        nn.utils.clip_grad_value_(parameters, settings.clip_value)
    return norm
