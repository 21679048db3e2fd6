"""A run from where it stopped: as it was recorded, but for what a resume may change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from unroll.engine.backends import backend as use_backend
from unroll.errors import UserError
from unroll.in_memory.source import DataSource
from unroll.run.finish import finish_run
from unroll.settings import RecurrentSettings, settings_from
from unroll.settings.training import BUDGETS
from unroll.tasks import load_task
from unroll.tasks.base import Preprocessor, TaskData
from unroll.tasks.run import Run, baselines_of, bound_by, check_needed
from unroll.tasks.task_settings import task_settings
from unroll.training.budget import Budget
from unroll.training.device import checked_device
from unroll.training.files import Damaged, check_folder
from unroll.training.folder import RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.report import TrainingReport
from unroll.training.run_cell import RunCell, recorded_cell, recorded_word

if TYPE_CHECKING:
    from unroll.tasks import AnyTask

# what a resumed run may change; everything else is as the run recorded it
CHANGEABLE = {
    *BUDGETS,
    "device",
    "evaluate_every",
    "checkpoint_every",
    "keep_checkpoints",
    "patience",
    "watch",
}


def resume_run(
    source: DataSource,
    out: Path,
    report: TrainingReport,
    *,
    task_name: str | None = None,
    trust_code: bool,
) -> Run:
    """Train a run from its newest checkpoint to the end of its budget.

    Args:
        source: what the run was trained on, and the given settings.
        out: the run folder.
        report: what a person sees.
        task_name: the given task, which must be that of the run. Default: that of the run.
        trust_code: whether the cell file in the run folder may be run.

    Raises:
        UserError: where the run, its task, its settings or its data do not fit.
    """
    folder = RunFolder.open(out)
    config = folder.config()
    if task_name not in (None, config["task"]):
        raise UserError(
            f"{out} is a run of the task {config['task']}, but the given task is {task_name}. Give no "
            "task, or start a new run by another --out."
        )
    task = load_task(config["task"])
    check_needed(folder)
    data, values = source.path, dict(source.values)
    recorded = task_settings(config["task"], config["settings"])
    if "valid" in config["settings"]:
        valid = source.restored("valid", config["settings"]["valid"])
        recorded = recorded.model_copy(update={"valid": valid})
    cell = recorded_cell(folder, recorded, trust_code)
    settings = resumed_settings(recorded, values, cell, out)
    device = checked_device(settings.device)
    preprocessor = task.load_preprocessor(out, config)
    read = task.read(data, settings, report.log, preprocessor)
    if read.sha256 != config["data"]["sha256"]:
        raise UserError(
            f"{data} is not the data that {out} was trained on (its SHA-256 differs). Give the same "
            "data, or start a new run by another --out."
        )
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    network = task.build_network(settings, preprocessor, cell.make).to(device)
    with (
        use_backend(settings.backend), bound_by(settings), folder.locked(), Interrupt() as interrupt
    ):  # fmt: skip
        objective = task.objective(network, read, settings, device)
        trainer = Trainer(objective, settings, folder, report)
        trainer.resume()
        refuse_nothing_to_do(trainer, out)
        if settings.seconds is not None and not any(name in values for name in BUDGETS):
            # an interrupted run of so many seconds has what is left of them
            left = settings.seconds - trainer.progress.seconds
            trainer.settings = settings.model_copy(update={"seconds": max(left, 1e-3)})
        rebuild_baselines(task, folder, read, report)
        folder.update_config(settings={**config["settings"], **recorded_budget(trainer)})
        return finish_run(task, trainer, interrupt, read, source)


def resumed_settings(
    recorded: RecurrentSettings, values: Mapping[str, object], cell: RunCell, out: Path
) -> RecurrentSettings:
    """The recorded settings with the changes that a resume may make.

    Args:
        recorded: in the run folder.
        values: the given settings by name.
        cell: of the run; naming it again, by its file too, is no change.
        out: the run folder, for errors.

    Raises:
        UserError: for a setting that stays as the run recorded it.
    """
    asked = settings_from(type(recorded), values)
    asked = asked.model_copy(update={"cell": recorded_word(asked.cell, cell)})
    new, old = asked.model_dump(), recorded.model_dump()
    for name in set(values) - CHANGEABLE:
        if new[name] != old[name]:
            raise UserError(
                f"{out} was made with {name}={old[name]}; a resumed run keeps its settings, and got "
                f"{new[name]}. Leave it out, or start a new run."
            )
    changes = {name: new[name] for name in set(values) & CHANGEABLE}
    if any(name in changes for name in BUDGETS):
        changes = {**dict.fromkeys(BUDGETS), **changes}
    return recorded.model_copy(update=changes)


def refuse_nothing_to_do(trainer: Trainer, out: Path) -> None:
    """Refuse a budget that is used up already, which would look like success.

    Raises:
        UserError: where it is, or the weights were solved in closed form.
    """
    progress = trainer.progress
    budget = Budget.of(trainer.settings, trainer.objective.batches_per_epoch, progress.seconds)
    if trainer.objective.closed_form:
        raise UserError(
            f"{out} has a read-out in closed form: there is nothing to resume. Start a new run by "
            "another --out."
        )
    result = out / "result.json"  # not there: the run was killed between its last step and its end
    if budget.kind == "steps" and progress.step >= budget.total and result.exists():
        raise UserError(
            f"{out} is at step {progress.step} of {budget.total:g} already. Give a higher --steps "
            "or --epochs, or --seconds to add."
        )
    result.unlink(missing_ok=True)


def rebuild_baselines(
    task: AnyTask, folder: RunFolder, read: TaskData[Preprocessor], report: TrainingReport
) -> None:
    """Fit the baselines to the data again where their files are damaged."""
    try:
        check_folder(folder.path, only=baselines_of(folder))
    except Damaged as damage:
        report.log(f"{damage}; the baseline is rebuilt.")
        folder.save(task.baseline_files(read))


def recorded_budget(trainer: Trainer) -> dict[str, float | None]:
    """The budget as a total of the run, for its config."""
    budget: dict[str, float | None] = trainer.settings.model_dump(include=set(BUDGETS))
    if budget["seconds"] is not None:
        budget["seconds"] += trainer.progress.seconds
    return budget
