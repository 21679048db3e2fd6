"""How far a run is: what the loop carries from step to step, and a checkpoint keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# the times of a run in its progress
PLATEAU = 2  # evaluations without a better one before the plateau schedule halves the rate
TIMES = (
    "seconds",
    "reading_seconds",
    "floor_seconds",
    "training_seconds",
    "step_seconds",
    "evaluation_seconds",
)


@dataclass
class TrainedNetwork:
    """What is kept of a network that was trained to its end, in a run of several.

    Attributes:
        seed: of its weights, batches and noise.
        steps: taken.
        best: the lowest metric that decides which weights are kept; None: it was never finite.
        best_loss: the validation loss then; None: not known.
        best_step: where it was measured.
        metrics: all validation metrics then.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    seed: Count
    steps: Count
    best: Annotated[float, Field(allow_inf_nan=False)] | None
    best_loss: float | None
    best_step: Count
    metrics: dict[str, float]


@dataclass
class TrainingProgress:
    """How far a run is: every number that the loop carries from step to step.

    In a run of several networks `networks` are those before, times are of the run, all else is of the
    network that is trained now.

    Attributes:
        step: steps taken, and the number of the next batch.
        seconds: of the run, with reading and building in it.
        reading_seconds: of them, from the start of the command until the data was read.
        floor_seconds: of them, in which the simple model was fitted, before the first step.
        training_seconds: of them, since its first step: steps, evaluations, checkpoints.
        step_seconds: of them, in steps.
        evaluation_seconds: of them, in evaluations.
        evaluation_share: of the validation set, that evaluations read; None where nothing limits them.
        tokens: targets seen.
        skipped: steps whose loss or gradient was not finite, in all.
        skipped_in_row: the last of them without a good step between.
        rollbacks: returns to a checkpoint.
        rate_scale: what returns and the plateau schedule left of the learning rate, 0 to 1.
        best: the lowest metric that decides which weights are kept; None before the first.
        best_loss: the validation loss then, which decides between equal ones; None: not known.
        best_step: where it was measured.
        best_metrics: all validation metrics then.
        waited: evaluations since.
        fresh: whether the next batch starts from the initial state.
        finished: whether training ended by itself.
        validation: the last validation metrics.
        networks: trained to their ends before.
        began: the `training_seconds` when this network's training began.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    step: Count = 0
    seconds: Seconds = 0.0
    reading_seconds: Seconds = 0.0
    floor_seconds: Seconds = 0.0
    training_seconds: Seconds = 0.0
    step_seconds: Seconds = 0.0
    evaluation_seconds: Seconds = 0.0
    evaluation_share: Annotated[float, Field(gt=0, le=1)] | None = None
    tokens: Count = 0
    skipped: Count = 0
    skipped_in_row: Count = 0
    rollbacks: Count = 0
    rate_scale: Annotated[float, Field(ge=0, le=1)] = 1.0
    best: Annotated[float, Field(allow_inf_nan=False)] | None = None
    best_loss: float | None = None
    best_step: Count = 0
    best_metrics: dict[str, float] = field(default_factory=dict)
    waited: Count = 0
    fresh: bool = True
    finished: bool = False
    validation: dict[str, float] = field(default_factory=dict)
    networks: list[TrainedNetwork] = field(default_factory=list)
    began: Seconds = 0.0

    @property
    def steps_of_all(self) -> int:
        """Steps of this network and of those before."""
        return self.step + sum(network.steps for network in self.networks)

    def network(self, seed: int) -> TrainedNetwork:
        """What is kept of the network that is trained now."""
        return TrainedNetwork(
            seed, self.step, self.best, self.best_loss, self.best_step, self.best_metrics
        )

    def of_next_network(self, seed: int) -> TrainingProgress:
        """The progress where the next network begins; seed: of the one that has ended."""
        times = {name: getattr(self, name) for name in TIMES}
        return TrainingProgress(
            **times,
            evaluation_share=self.evaluation_share,
            networks=[*self.networks, self.network(seed)],
            began=self.training_seconds,
        )

    def wait(self, schedule: str) -> str | None:
        """Count an evaluation that was not better; under the plateau schedule every second one in a row
        halves the rate, which the returned sentence says."""
        self.waited += 1
        if schedule != "plateau" or self.waited % PLATEAU:
            return None
        self.rate_scale /= 2
        return f"The validation loss has not fallen for {self.waited} evaluations; the learning rate is halved."

    def is_best_of_all(self) -> bool:
        """Whether the best weights of this network are better than those of all networks before."""
        return self.best is not None and all(
            is_better(self.best, self.best_loss, other.best, other.best_loss)
            for other in self.networks
        )

    def is_better(self, metric: float, loss: float | None) -> bool:
        """Whether weights are better than the best so far: by the metric, and by the loss where it ties.

        Args:
            metric: that decides; lower is better.
            loss: of the validation set; None where there is none.
        """
        return is_better(metric, loss, self.best, self.best_loss)


def is_better(
    metric: float, loss: float | None, best: float | None, best_loss: float | None
) -> bool:
    """Whether one metric and loss are better than others: by the metric, by the loss where it ties."""
    if not math.isfinite(metric):
        return False
    if best is None or metric != best:
        return best is None or metric < best
    return loss is not None and best_loss is not None and loss < best_loss
