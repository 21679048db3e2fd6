"""How far a run is: a share from 0 to 1, from which rate, evaluations and time left follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unroll.settings import TrainingSettings

DEFAULT_SECONDS = 300.0


@dataclass(frozen=True)
class Budget:
    """How long a run trains.

    Attributes:
        kind: "steps" or "seconds".
        total: of the whole run, from its first start.
    """

    kind: str
    total: float

    @classmethod
    def of(cls, settings: TrainingSettings, per_epoch: int, spent: float = 0.0) -> Budget:
        """The budget that settings ask for: steps and epochs are totals of the run, seconds are added.

        Args:
            settings: with at most one of steps, epochs and seconds.
            per_epoch: steps in an epoch.
            spent: seconds that the run has trained before.
        """
        if settings.steps is not None:
            return cls("steps", settings.steps)
        if settings.epochs is not None:
            return cls("steps", settings.epochs * per_epoch)
        return cls("seconds", spent + (settings.seconds or DEFAULT_SECONDS))

    def share(self, step: int, seconds: float) -> float:
        """How much of the budget is used, 0 to 1.

        Args:
            step: steps that the run has taken.
            seconds: that it has trained.
        """
        return min(1.0, (step if self.kind == "steps" else seconds) / self.total)


def small_epochs(settings: TrainingSettings, epochs: int, size: int, most: int) -> int | None:
    """The number of epochs: where no budget is given and the data is small, a task's own.

    A network overfits small data that it reads for the usual seconds.

    Args:
        settings: with the budget that was given.
        epochs: of the task for small data.
        size: steps of sequences in an epoch.
        most: steps of sequences that are read in about the usual seconds.
    """
    given = (settings.seconds, settings.steps, settings.epochs)
    left_out = all(budget is None for budget in given)
    return epochs if left_out and epochs * size <= most else settings.epochs


def rate_factor(schedule: str, share: float, warm_up: float) -> float:
    """What the learning rate is multiplied with at this share of the budget.

    Args:
        schedule: "cosine" falls to zero at the end; others stay at 1.
        share: of the budget that is used, 0 to 1.
        warm_up: the share in which the rate rises from zero.
    """
    if share < warm_up:
        # a small start, so that the first step is not lost
        return max(share / warm_up, 0.01)
    if schedule != "cosine":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up)))
