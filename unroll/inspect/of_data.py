"""A run over batches of data, as its task reads them, with every recurrent layer recorded.

Nothing here knows a task: it reads, makes batches and takes losses by the methods of `Task`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unroll.errors import UserError
from unroll.layers.recorded import RecordedCall, recorded
from unroll.run import Run
from unroll.training.objective import Objective

TRIES = 1000  # batches that are looked at, at most


def objective_of(run: Run, path: str | Path, network: nn.Module | None = None) -> Objective:
    """What the training loop would be given of this data. network: a copy of the run's, or its own.

    Raises: UserError for data that the run's task cannot read.
    """
    settings = run.recorded
    if getattr(settings, "valid", None) is not None and not Path(settings.valid).exists():
        settings = settings.model_copy(update={"valid": None})
    data = run.task.read(str(path), settings, lambda sentence: None, run.preprocessor)
    return run.task.objective(network or run.model, data, settings, run.device)


def recorded_batches(objective: Objective) -> Iterator[list[RecordedCall]]:
    """Batch after batch through the network in eval mode, its state carried as in training."""
    state: Any = objective.initial_state()
    was = objective.model.training
    objective.model.eval()
    try:
        for number in range(min(TRIES, objective.batches_per_epoch)):
            batch = objective.batch(number)
            with torch.no_grad(), recorded(objective.model) as calls:
                _, state = batch.loss(None if batch.fresh else state)
            if not calls:
                raise UserError("The network has no recurrent layer that could be looked into.")
            yield calls
    finally:
        objective.model.train(was)
