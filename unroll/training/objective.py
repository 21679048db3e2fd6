"""What the training loop minimises: the contract between a task and the loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from unroll.cells import State

Loss = Callable[[State | None], tuple[Tensor, State | None]]


@dataclass(frozen=True)
class TrainingBatch:
    """A batch of sequences with its loss, on the device of the network.

    Attributes:
        tokens: how many targets it has; the loop divides the loss by it.
        loss: takes the state carried from the batch before (None: zeros), returns the loss summed over
            targets, a scalar, and the state to carry into the next batch (None: nothing is carried).
        fresh: whether the state of the batch before does not belong to it.
        ragged: whether its sequences have lengths of their own.
    """

    tokens: int
    loss: Loss
    fresh: bool = True
    ragged: bool = False


FEWEST_RECORDS = 100  # that choose between weights, where there are so many


def fewer_records(most: int, share: float) -> int:
    """How many records a limited evaluation reads, of those that it reads at most.

    Examples:
        >>> fewer_records(2000, 0.1), fewer_records(300, 0.1), fewer_records(30, 0.1)
        (200, 100, 30)
    """
    return max(min(most, FEWEST_RECORDS), round(share * most))


class Objective(ABC):
    """A network, its batches with their loss, and the metrics that choose its best weights.

    A task subclasses it. The loop knows nothing of the task beyond it.

    Attributes:
        model: the network, on its device.
        device: where network and batches are.
        batches_per_epoch: batches in one pass over the training set.
        learning_rate: the highest one.
        unit: what a token is, for people: "characters", "sentences".
        decides: the metric of `evaluate` that chooses which weights are kept; lower is better.
        told: metrics of `evaluate` in which people are told how networks compare, the first one that
            is there; `decides` where none is.
        closed_form: whether `solve` finds the weights; then nothing is trained.
        ending_evaluations: how many evaluations of the whole validation set take as long as
            `Task.calibrate` and `Task.validate` together; a budget of seconds keeps that free.
    """

    decides: ClassVar[str] = "loss"
    told: ClassVar[tuple[str, ...]] = ()
    closed_form: bool = False
    ending_evaluations: float = 3.0

    def __init__(
        self,
        model: nn.Module,
        *,
        device: torch.device,
        batches_per_epoch: int,
        learning_rate: float,
        unit: str,
    ) -> None:
        self.model, self.device = model, device
        self.batches_per_epoch, self.learning_rate, self.unit = (
            batches_per_epoch,
            learning_rate,
            unit,
        )

    @abstractmethod
    def batch(self, number: int) -> TrainingBatch:
        """Batch `number` of the run, counted from 0 over all epochs: a function of seed and number."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Metrics of the validation set, `decides` among them; the network is in eval mode."""

    def limit_evaluation(self, share: float) -> float:
        """From now on, let `evaluate` read only this share of the validation records.

        The loop calls it in a budget of seconds: before the first evaluation with a small share, to
        time one, then once more with the share that fits in. A task that obeys reads records that are
        spread evenly over the validation set, the same ones each time, and no fewer than choosing
        weights needs (some hundred, or all of a smaller set).

        Args:
            share: above 0; 1: everything that `evaluate` reads by itself.

        Returns:
            The share that it reads from now on, which may be larger. Default: 0, it does not obey, and
            reads the same each time.
        """
        return 0.0

    def initial_state(self) -> State | None:
        """A state of the structure that a loss returns. Default: None, nothing is carried."""
        return None

    def with_validation_set(self) -> Objective | None:
        """The same network and loss over the training set and the validation set together.

        The kept weights learn from it for a last share of the budget, when all choices are made.
        Default: None, the validation set is never learned from.
        """
        return None

    def sample(self) -> str | None:
        """A glimpse of what the network does now, for people. Default: None."""
        return None

    def solve(self, progress: Callable[[float], None]) -> list[str]:
        """Set the weights in closed form, where `closed_form` says so.

        Args:
            progress: called with the share that is done, 0 to 1.

        Returns:
            Sentences on what was solved.

        Raises:
            NotImplementedError: where the task has no closed form.
        """
        raise NotImplementedError(f"{type(self).__name__} has no closed form")
