"""A run folder, opened as what its task makes of it."""

from __future__ import annotations

from pathlib import Path

import torch

from unroll.errors import UserError
from unroll.run.language import LanguageRun
from unroll.run.music import MusicRun
from unroll.run.transcribe import TranscribeRun
from unroll.run.use import Run, checked_device
from unroll.settings import SETTINGS
from unroll.training.folder import RunFolder

# what the runs of a task can do beyond evaluate and predict
KINDS: dict[str, type[Run]] = {
    "language": LanguageRun,
    "music": MusicRun,
    "transcribe": TranscribeRun,
}


def load(path: str | Path, device: str = "cpu", trust_code: bool = False) -> Run:
    """Load a run folder, wherever it was moved, with its best weights.

    trust_code: whether a cell of the user's own, which is Python in the run folder, may be run.
    Raises: UserError where it is not a run, nothing in it is whole, or it has code and no trust.
    """
    return run_of(RunFolder.open(Path(path)), checked_device(device), trust_code)


def run_of(folder: RunFolder, device: torch.device, trust_code: bool = False) -> Run:
    """The run in a folder, of the kind that its task has."""
    task = folder.config().get("task")
    if task not in SETTINGS:
        raise UserError(
            f"{folder.path} is a run of the task {task!r}; this version knows {', '.join(SETTINGS)}."
        )
    return KINDS.get(task, Run)(folder, device, trust_code)
