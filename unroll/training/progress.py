"""How far a run is: what the loop carries from step to step, and a checkpoint keeps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# the times of a run in its progress
TIMES = (
    "seconds",
    "reading_seconds",
    "floor_seconds",
    "training_seconds",
    "step_seconds",
    "evaluation_seconds",
)


@dataclass
class TrainingProgress:
    """How far a run is: every number that the loop carries from step to step.

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
        waited: evaluations since.
        fresh: whether the next batch starts from the initial state.
        finished: whether training ended by itself.
        validation: the last validation metrics.
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
    waited: Count = 0
    fresh: bool = True
    finished: bool = False
    validation: dict[str, float] = field(default_factory=dict)

    def is_better(self, metric: float, loss: float | None) -> bool:
        """Whether weights are better than the best so far: by the metric, and by the loss where it ties.

        Args:
            metric: that decides; lower is better.
            loss: of the validation set; None where there is none.
        """
        if not math.isfinite(metric):
            return False
        if self.best is None or metric != self.best:
            return self.best is None or metric < self.best
        return loss is not None and self.best_loss is not None and loss < self.best_loss
