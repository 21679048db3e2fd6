"""A run over batches of data, as its task reads them, with every recurrent layer recorded.

Nothing here knows a task: it reads, makes batches and takes losses by the functions of `Task`.
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
from unroll.training.work import Work

TRIES = 1000  # batches that are looked at, at most


def work_of(run: Run, path: str | Path, network: nn.Module | None = None) -> Work:
    """What the training loop would be given of this data. network: a copy of the run's, or its own.

    Raises: UserError for data that the run's task cannot read.
    """
    settings = run.recorded
    if getattr(settings, "valid", None) is not None and not Path(settings.valid).exists():
        settings = settings.model_copy(update={"valid": None})
    data = run.task.read(str(path), settings, lambda sentence: None, run.codec)
    return run.task.work(network or run.model, data, settings, run.device)


def recorded_batches(work: Work) -> Iterator[list[RecordedCall]]:
    """Batch after batch through the network in eval mode, its state carried as in training."""
    state: Any = work.initial_state()
    was = work.model.training
    work.model.eval()
    try:
        for number in range(min(TRIES, work.per_epoch)):
            batch = work.batch(number)
            with torch.no_grad(), recorded(work.model) as calls:
                _, state = work.loss(batch, None if batch.fresh else state)
            if not calls:
                raise UserError("The network has no recurrent layer that could be looked into.")
            yield calls
    finally:
        work.model.train(was)
