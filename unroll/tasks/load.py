"""Open a run folder as what its task makes of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch

from unroll.errors import UserError
from unroll.paths import refuse_impossible_path
from unroll.tasks import TASKS
from unroll.tasks.run import Run
from unroll.training.device import checked_device
from unroll.training.folder import RunFolder


def load(path: str | Path, device: str = "cpu", trust_code: bool = False) -> Run:
    """Load a run folder, wherever it was moved, with its best weights.

    Args:
        path: the run folder.
        device: where the network goes: "cpu", "cuda", "cuda:1", "mps".
        trust_code: whether a cell of the user's own, which is Python in the run folder, may be run.

    Returns:
        The run; of some tasks a subclass of `Run` that can do more.

    Raises:
        UserError: where the path is not a run, its files are damaged, or it has a cell file and no trust.
    """
    refuse_impossible_path(os.fspath(path), "The run")
    return open_run(RunFolder.open(Path(path)), checked_device(device), trust_code)


def open_run(folder: RunFolder, device: torch.device, trust_code: bool = False) -> Run:
    """The run in a folder, of the class that its task has.

    Raises:
        UserError: where this version does not know the task, or the run cannot be opened.
    """
    run_class: type[Run] = resolve_name(TASKS[task_of(folder.config(), folder.path)].run)
    return run_class(folder, device, trust_code)


def task_of(config: Mapping[str, Any], path: Path) -> str:
    """The task of a run.

    Args:
        config: of the run.
        path: of its folder, for errors.

    Raises:
        UserError: where this version does not know the task.
    """
    name: str = config["task"]
    if name not in TASKS:
        raise UserError(
            f"{path} is a run of the task {name[:40]!r}; this version knows {', '.join(TASKS)}."
        )
    return name
