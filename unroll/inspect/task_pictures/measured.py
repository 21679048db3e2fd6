"""A run as its metrics were measured, with its validation set."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.run import Run
from unroll.saved_files import Damaged
from unroll.tasks.base import Trained
from unroll.training.checkpoint import load_model
from unroll.training.refit import CHOSEN


@dataclass(frozen=True)
class MeasuredRun:
    """A run and a validation set.

    Attributes:
        trained: the model; of the run's own data as it was before it learned from the validation set.
        data: as the task read it.
        conditions: what is shown, by name.
    """

    trained: Trained[Any, Any, Any]
    data: Any
    conditions: dict[str, Any]


def measured_run(run: Run, path: str | Path, log: Callable[[str], None]) -> MeasuredRun:
    """Read the validation set of a file as training did, and the model as it was measured.

    A run learns from its validation set too when all is chosen (`refit`). Its metrics are those before,
    so the weights before are taken, and the simple model is fitted to the training set again.

    Args:
        run: a trained run, which is not changed.
        path: the data of the run, or data of that kind.
        log: takes a sentence where something takes noticeable time.

    Raises:
        UserError: for data that the task of the run cannot read.
    """
    settings = run.recorded
    valid = settings.model_dump().get("valid")  # a setting of most tasks, not of all
    if valid is not None and not Path(valid).exists():
        settings = settings.model_copy(update={"valid": None})
    data = run.task.read(str(path), settings, log, run.preprocessor)
    trained = run.trained
    is_own = data.sha256 == run.config["data"]["sha256"]
    shown = "the run"
    if is_own and settings.refit and run.result():
        if getattr(run.preprocessor, "floor", None) is not None:
            data = run.task.fit_floor(data, settings, log)
        network = run.model
        if (run.path / CHOSEN).exists():
            network = deepcopy(run.model)
            try:
                load_model(run.path, network, CHOSEN)
            except Damaged as damage:
                raise UserError(
                    f"The run {run.path} is damaged: {damage}. Restore the file from a copy."
                ) from damage
            network.to(run.device).eval()
            shown = "the run before it learned from the validation set too"
        trained = replace(trained, model=network, preprocessor=data.preprocessor)
    conditions = {
        "run": str(run.path),
        "validation_set": data.validation_set,
        "shows": shown,
    }
    return MeasuredRun(trained, data, conditions)
