"""How far a run is: a share from 0 to 1, from which rate, evaluations and time left follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from unroll.counting import counted
from unroll.settings import TrainingSettings

DEFAULT_SECONDS = 300.0
FEWEST_STEPS = 1000  # of small data, where no budget is given
PATIENCE, PATIENCE_OF_SECONDS = 4, 6  # evaluations, of ten and of twenty in a run

Settings = TypeVar("Settings", bound=TrainingSettings)


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


def network_seconds(settings: TrainingSettings) -> float:
    """Seconds of the budget for each network of a run, those by default where none are given."""
    return (settings.seconds or DEFAULT_SECONDS) / settings.seeds


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


def fill_in_budget(settings: Settings, per_epoch: int) -> tuple[Settings, list[str]]:
    """Where no budget was given: stop when more time does not help, after enough steps.

    Args:
        settings: as the task resolved them, perhaps with epochs of its own.
        per_epoch: steps in an epoch.

    Returns:
        The settings, and sentences on what was chosen.
    """
    sentences, changes = [], {}
    if settings.patience is None:
        of_seconds = settings.epochs is None and settings.steps is None
        patience = PATIENCE_OF_SECONDS if of_seconds else PATIENCE
        changes["patience"] = patience
        sentences.append(
            f"Training stops after {patience} evaluations without a better one, because no budget is "
            "given (--set patience=N; --seconds, --steps or --epochs)."
        )
    if settings.epochs is not None and settings.epochs * per_epoch < FEWEST_STEPS:
        epochs = math.ceil(FEWEST_STEPS / per_epoch)
        changes["epochs"] = epochs
        sentences.append(
            f"Small data: {epochs:,} epochs of {counted(per_epoch, 'step')} "
            "(--seconds, --steps or --epochs)."
        )
    return settings.model_copy(update=changes), sentences


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
