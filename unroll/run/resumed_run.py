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
from unroll.run.networks import check_same_budget, network_maker
from unroll.saved_files import MOST_BYTES, Damaged, check_folder, parse_json, read_whole
from unroll.settings import RecurrentSettings, settings_from
from unroll.settings.training import BUDGETS
from unroll.tasks import load_task
from unroll.tasks.base import Preprocessor, TaskData
from unroll.tasks.load import open_run, task_of
from unroll.tasks.recorded_run import baselines_of, check_needed, recorded_settings
from unroll.tasks.run import Run, bound_by
from unroll.training.budget import Budget
from unroll.training.checkpoint import WEIGHTS
from unroll.training.clock import Clock
from unroll.training.device import checked_device
from unroll.training.folder import RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.refit import CHOSEN
from unroll.training.report import TrainingReport
from unroll.training.run_cell import RunCell, names_same_file, recorded_cell, recorded_word
from unroll.training.threads import most_threads

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
    "refit",
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
    clock = Clock()
    folder = RunFolder.open(out)
    config = folder.config()
    task = load_task(task_of(config, out))
    if task_name not in (None, config["task"]):
        raise UserError(
            f"{out} is a run of the task {config['task']}, but the given task is {task_name}. Give no "
            "task, or start a new run by another --out."
        )
    check_needed(folder)
    data, values = source.path, dict(source.values)
    recorded = recorded_settings(folder, config)
    if "valid" in config["settings"]:
        valid = source.restored("valid", config["settings"]["valid"])
        recorded = recorded.model_copy(update={"valid": valid})
    trust_code = trust_code or names_same_file(values.get("cell"), folder)
    cell = recorded_cell(folder, recorded, trust_code)
    settings = resumed_settings(recorded, values, cell, out, config.get("given", {}))
    device = checked_device(settings.device)
    preprocessor = task.load_preprocessor(out, config)
    read = task.read(data, settings, report.log, preprocessor)
    if read.sha256 != config["data"]["sha256"]:
        raise UserError(
            f"{data} is not the data that {out} was trained on (its SHA-256 differs). Give the same "
            "data, or start a new run by another --out."
        )
    clock.read_seconds = clock.seconds
    if getattr(preprocessor, "floor", None) is not None:
        # that of the folder may have been fitted again on the validation set too
        read = task.fit_floor(read, settings, report.log)
        clock.floor_seconds = clock.seconds - clock.read_seconds
    set_recorded_threads(settings.threads, report)
    make_objective = network_maker(task, read, settings, cell.make, device)
    with (
        use_backend(settings.backend), bound_by(settings), folder.locked(), Interrupt() as interrupt
    ):  # fmt: skip
        # as where the run was made, which may have no checkpoint
        trainer = Trainer(make_objective(0), settings, folder, report, clock, make_objective)
        trainer.resume()
        check_same_budget(trainer, recorded, values)
        if is_complete(trainer, values):
            report.log(f"{out} has all of its {trainer.progress.step} steps already.")
            return open_run(folder, device, trust_code)
        continue_from_end(trainer, recorded)
        if settings.seconds is not None and not any(name in values for name in BUDGETS):
            # an interrupted run of so many seconds has what is left of them
            left = settings.seconds - trainer.progress.seconds
            trainer.settings = settings.model_copy(update={"seconds": max(left, 1e-3)})
        rebuild_baselines(task, folder, read, report)
        folder.save(read.preprocessor.files())
        folder.update_config(settings={**config["settings"], **recorded_budget(trainer)})
        return finish_run(task, trainer, interrupt, read, source)


def resumed_settings(
    recorded: RecurrentSettings,
    values: Mapping[str, object],
    cell: RunCell,
    out: Path,
    given: Mapping[str, object],
) -> RecurrentSettings:
    """The recorded settings with the changes that a resume may make.

    Args:
        recorded: in the run folder.
        values: the given settings by name.
        cell: of the run; naming it again, by its file too, is no change.
        out: the run folder, for errors.
        given: the settings that the run was made with, as config.json records them; the run may
            have resolved "auto" among them.

    Raises:
        UserError: for a setting that stays as the run recorded it.
    """
    asked = settings_from(type(recorded), values)
    asked = asked.model_copy(update={"cell": recorded_word(asked.cell, cell)})
    new, old = asked.model_dump(), recorded.model_dump()
    as_given = asked.model_dump(mode="json")
    for name in set(values) - CHANGEABLE:
        same = new[name] == old[name] or (name in given and as_given[name] == given[name])
        if not same:
            raise UserError(
                f"{out} was made with {name}={old[name]}; a resumed run keeps its settings, and got "
                f"{new[name]}. Leave it out, or start a new run."
            )
    changes = {name: new[name] for name in set(values) & CHANGEABLE}
    if any(name in changes for name in BUDGETS):
        changes = {**dict.fromkeys(BUDGETS), **changes}
        if "patience" not in given:  # it was chosen for a run without a given budget
            changes.setdefault("patience", None)
    return recorded.model_copy(update=changes)


def is_complete(trainer: Trainer, values: Mapping[str, object]) -> bool:
    """Whether all steps that were asked for are taken, so that a repeated command has nothing to do.

    Args:
        trainer: resumed.
        values: the given settings by name.

    Raises:
        UserError: where no steps were asked for, which would look like success; or the weights were
            solved in closed form.
    """
    progress, out = trainer.progress, trainer.folder.path
    budget = Budget.of(trainer.settings, trainer.objective.batches_per_epoch, progress.seconds)
    # without its result, the run was killed between its last step and its end
    has_result = (out / "result.json").exists()
    if trainer.settings.seeds > 1:  # all of them have the budget that was asked for
        return progress.finished and has_result
    if trainer.objective.closed_form and has_result:
        raise UserError(
            f"{out} has a read-out in closed form: there is nothing to resume. Start a new run by "
            "another --out."
        )
    if budget.kind != "steps" or progress.step < budget.total or not has_result:
        return False
    if "steps" in values or "epochs" in values:
        return True
    raise UserError(
        f"{out} is at step {progress.step} of {budget.total:g} already. Give a higher --steps "
        "or --epochs, or --seconds to add."
    )


def continue_from_end(trainer: Trainer, recorded: RecurrentSettings) -> None:
    """A run that was killed after its last step takes no further one; one that has a result goes on.

    Args:
        trainer: resumed.
        recorded: the settings that the run had.
    """
    result = trainer.folder.path / "result.json"
    budget = {name: getattr(trainer.settings, name) for name in BUDGETS}
    goes_on = any(value != getattr(recorded, name) for name, value in budget.items())
    trainer.has_ended = trainer.progress.finished and not result.exists() and not goes_on
    if trainer.progress.finished and not trainer.has_ended:
        trainer.progress.finished = False
        trainer.save()  # before the result is dropped, which tells the two apart
    take_chosen_weights(trainer.folder, trainer.report)
    result.unlink(missing_ok=True)


def take_chosen_weights(folder: RunFolder, report: TrainingReport) -> None:
    """Undo a refit: the weights that training chose have not learned from the validation set.

    Raises:
        UserError: where they are damaged.
    """
    path = folder.path / "result.json"
    if not path.exists():
        return
    try:
        found = parse_json(read_whole(folder.path, path.name, MOST_BYTES), path, finite=False)
    except Damaged as damage:  # what was kept is as good, whatever the result said
        report.log(f"{damage}; it is made again.")
        found = {"refit": {"kept": (folder.path / CHOSEN).exists()}}
    refit = found.get("refit") if isinstance(found, dict) else None
    if not isinstance(refit, dict) or refit.get("kept") is not True:
        return
    try:
        folder.save({WEIGHTS: read_whole(folder.path, CHOSEN)})
    except Damaged as damage:
        raise UserError(
            f"The run {folder.path} is damaged: {damage}. Restore the file from a copy."
        ) from damage


def set_recorded_threads(threads: int | None, report: TrainingReport) -> None:
    """Set the threads that a run was made with, as far as this machine can have them.

    Args:
        threads: of the run.
        report: gets a sentence where they are fewer here.
    """
    wanted = threads or torch.get_num_threads()
    if wanted > most_threads():
        report.log(f"The run was made with {wanted} threads; {most_threads()} are used here.")
    torch.set_num_threads(min(wanted, most_threads()))


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
