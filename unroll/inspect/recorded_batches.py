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

MAX_BATCHES = 1000


def data_objective(run: Run, path: str | Path, network: nn.Module | None = None) -> Objective:
    """The objective that training would use on this data.

    Args:
        run: a trained run, which is not changed.
        path: data of the kind that the run was trained on.
        network: a copy of the network of the run. Default: the network itself.

    Raises:
        UserError: for data that the task of the run cannot read.
    """
    settings = run.recorded
    valid = settings.model_dump().get("valid")  # a setting of most tasks, not of all
    if valid is not None and not Path(valid).exists():
        settings = settings.model_copy(update={"valid": None})
    data = run.task.read(str(path), settings, lambda sentence: None, run.preprocessor)
    return run.task.objective(network or run.model, data, settings, run.device)


def recorded_batches(objective: Objective) -> Iterator[list[RecordedCall]]:
    """The calls of recurrent layers, batch after batch, in eval mode.

    The state is carried from batch to batch as in training.

    Args:
        objective: see `data_objective`.

    Yields:
        The recorded calls of one batch.

    Raises:
        UserError: for a network without recurrent layers.
    """
    state: Any = objective.initial_state()
    was_training = objective.model.training
    objective.model.eval()
    try:
        for number in range(min(MAX_BATCHES, objective.batches_per_epoch)):
            batch = objective.batch(number)
            with torch.no_grad(), recorded(objective.model) as calls:
                _, state = batch.loss(None if batch.fresh else state)
            if not calls:
                raise UserError("The network has no recurrent layer that can be inspected.")
            yield calls
    finally:
        objective.model.train(was_training)
