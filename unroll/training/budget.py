"""How far a run is: a share from 0 to 1, from which rate, evaluations and time left follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unroll.settings import TrainingSettings


@dataclass(frozen=True)
class Budget:
    """kind: "steps" or "seconds". total: of the whole run, from its first start."""

    kind: str
    total: float

    @classmethod
    def of(cls, settings: TrainingSettings, per_epoch: int, spent: float = 0.0) -> Budget:
        """From the settings: steps and epochs are totals of the run, seconds come on top.

        per_epoch: steps in an epoch. spent: seconds that the run has trained before.
        """
        if settings.steps is not None:
            return cls("steps", settings.steps)
        if settings.epochs is not None:
            return cls("steps", settings.epochs * per_epoch)
        return cls("seconds", spent + (settings.seconds or DEFAULT_SECONDS))

    def share(self, step: int, seconds: float) -> float:
        """How much of the budget is used, 0 to 1."""
        return min(1.0, (step if self.kind == "steps" else seconds) / self.total)


DEFAULT_SECONDS = 300.0


def small_epochs(settings: TrainingSettings, epochs: int, size: int, most: int) -> int | None:
    """A task's own number of epochs where no budget is given and its data is small.

    Small data is learned by heart when it is read for the usual seconds. size: steps of sequences
    in an epoch; most: as many as can be read so often in about that time.
    """
    given = (settings.seconds, settings.steps, settings.epochs)
    left_out = all(budget is None for budget in given)
    return epochs if left_out and epochs * size <= most else settings.epochs


def rate_factor(schedule: str, share: float, warm_up: float) -> float:
    """What the learning rate is multiplied with at this share of the budget.

    warm_up: the share in which it rises from zero. "cosine" then falls to zero at the end.
    """
    if share < warm_up:
        # a small start, so that the first step is not lost
        return max(share / warm_up, 0.01)
    if schedule != "cosine":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up)))
