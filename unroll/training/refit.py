"""The last part of a run: the kept weights learn from the validation set too, when all is chosen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.cells import map_state
from unroll.counting import counted
from unroll.settings import TrainingSettings
from unroll.training.budget import rate_factor
from unroll.training.objective import Objective
from unroll.training.optimizer import clip_gradient, make_optimizer

REFIT_PART = 0.2  # of the training, that the kept weights learn from everything
REFIT_RATE = 0.3  # of the highest learning rate, where training had let it fall to zero
CHOSEN = "chosen.safetensors"  # the weights before a refit, in the run folder
WORSE = 0.05  # share by which the loss of the validation set may rise


@dataclass(frozen=True)
class Refitted:
    """What came of a refit.

    Attributes:
        steps: that were taken.
        seconds: that they took.
        weights: of the network by name, or None where those before are kept.
        reason: why they are kept; empty where they are not.
    """

    steps: int
    seconds: float
    weights: dict[str, Tensor] | None
    reason: str = ""

    def record(self) -> dict[str, object]:
        """What result.json holds; the seconds are in its times."""
        return {"steps": self.steps, "kept": self.weights is not None}

    def sentence(self) -> str:
        """What people are told."""
        if self.weights is None:
            return f"The weights from before are kept: {self.reason}."
        return (
            f"Then {counted(self.steps, 'step')} learned from the validation set too. Metrics are those "
            "before (--refit no leaves it out)."
        )


def refit_steps(trained: int) -> int:
    """How many steps a refit takes of weights that so many steps have trained."""
    return max(1, round(trained * REFIT_PART / (1 - REFIT_PART)))


def refit_factor(schedule: str, share: float, *, is_last_part: bool) -> float:
    """What the learning rate is multiplied with in a refit, which ends at zero.

    A budget of seconds is one schedule over training and refit: the data changes, the rate does not
    jump. A budget of steps is trained to its end first, and the refit starts a small rate anew.

    Args:
        schedule: of the run.
        share: of the refit that is done, 0 to 1.
        is_last_part: whether the schedule of training ends with the refit.
    """
    if not is_last_part:
        return REFIT_RATE * (1 - share)
    if schedule == "cosine":
        return rate_factor(schedule, 1 - REFIT_PART + REFIT_PART * share, 0.0)
    return 1 - share


def refit(
    objective: Objective,
    everything: Objective,
    settings: TrainingSettings,
    steps: float,
    factor: Callable[[float], float],
    seconds: float = math.inf,
    check: Callable[[], None] = lambda: None,
) -> Refitted:
    """Train the network of an objective further, on training set and validation set.

    When to use it: when weights are chosen, calibrated and measured, and nothing more depends on the
    validation set. Batches and random numbers follow from the seed, so that a repeated refit is the
    same.

    Args:
        objective: of the training set, with the chosen weights in its network.
        everything: the same network over training set and validation set.
        settings: optimizer, clipping and seed.
        steps: how many at most; infinite where the seconds are not.
        factor: what the highest learning rate is multiplied with, of the share that is done, 0 to 1.
        seconds: how long at most, with an evaluation before and one after; the share of the steps is
            of whichever ends first.
        check: called before each step; may raise to end the refit.

    Returns:
        The weights, or why those before are kept. The network has either.
    """
    model = objective.model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    begun = time.perf_counter()
    loss_before = validation_loss(objective)
    evaluated = time.perf_counter()
    seconds -= 2 * (evaluated - begun)
    try:
        taken = learn(everything, settings, steps, factor, seconds, check)
        took = time.perf_counter() - evaluated
        loss = validation_loss(objective) if taken is not None else math.nan
    except BaseException:
        model.load_state_dict(before)
        model.eval()
        raise
    reason = ""
    if taken is None or not math.isfinite(loss):
        reason = "learning from the validation set too gave a loss that is not finite"
    elif loss > loss_before + WORSE * max(1.0, abs(loss_before)):
        reason = f"learning from the validation set too raised its loss from {loss_before:.4f} to {loss:.4f}"
    if reason:
        model.load_state_dict(before)
        model.eval()
        return Refitted(taken or 0, took, None, reason)
    return Refitted(taken or 0, took, dict(model.state_dict()))


def learn(
    objective: Objective,
    settings: TrainingSettings,
    steps: float,
    factor: Callable[[float], float],
    seconds: float,
    check: Callable[[], None],
) -> int | None:
    """Take steps while the rate falls to zero. Returns how many; None where a loss is not finite."""
    torch.manual_seed(settings.seed)
    optimizer = make_optimizer(objective.model, settings, objective.learning_rate)
    objective.model.train()
    begun, state, taken = time.perf_counter(), None, 0
    while True:
        check()
        spent = time.perf_counter() - begun
        share = max(taken / steps, spent / max(seconds, 1e-9))
        # half a step is left, at most
        if taken and max(share, (spent + spent / taken / 2) / max(seconds, 1e-9)) >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = objective.learning_rate * factor(min(1.0, share))
        batch = objective.batch(taken)
        optimizer.zero_grad()
        total, state = batch.loss(None if batch.fresh else state)
        loss = total / max(1, batch.tokens)
        if not math.isfinite(float(loss.detach())):
            return None
        loss.backward()
        if not math.isfinite(clip_gradient(objective.model, settings)):
            return None
        optimizer.step()
        state = None if state is None else map_state(Tensor.detach, state)
        taken += 1
    objective.model.eval()
    return taken


@torch.no_grad()
def validation_loss(objective: Objective) -> float:
    """The loss on the validation set; the metric that decides where the objective has no loss."""
    objective.model.eval()
    metrics = objective.evaluate()
    return metrics.get("loss", metrics[objective.decides])
