"""A new run: choose what the settings leave open, make the run folder, train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from unroll.engine.backends import backend as use_backend
from unroll.engine.backends import requested_backend
from unroll.in_memory.source import DataSource
from unroll.layers.explain import chosen_backends
from unroll.models.initialisation import set_forget_bias
from unroll.run.description import describe_run
from unroll.run.finish import finish_run
from unroll.run.networks import network_maker
from unroll.settings import RecurrentSettings
from unroll.settings.training import BUDGETS
from unroll.tasks import load_task
from unroll.tasks.base import Preprocessor, TaskData
from unroll.tasks.run import Run, bound_by
from unroll.tasks.task_settings import choose_task, task_settings
from unroll.training.budget import fill_in_budget
from unroll.training.card import model_card
from unroll.training.checkpoint import pack
from unroll.training.clock import Clock
from unroll.training.device import checked_device
from unroll.training.files import as_json
from unroll.training.folder import FORMAT, RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.objective import Objective
from unroll.training.report import TrainingReport
from unroll.training.run_cell import RunCell, given_cell, try_user_cell
from unroll.training.threads import check_threads, pick_threads
from unroll.version import __version__

if TYPE_CHECKING:
    from unroll.tasks import AnyTask

LONGEST_NAME = 200  # bytes of a name that is taken from the data


def start_run(
    source: DataSource,
    out: Path | None,
    task_name: str | None,
    report: TrainingReport,
    *,
    overwrite: bool,
) -> Run:
    """Train a new run to the end of its budget.

    Args:
        source: what the task reads, and the given settings.
        out: the run folder; None: a free one under runs/.
        task_name: None: guessed from the data and the settings.
        report: what a person sees.
        overwrite: whether a run in `out` is replaced.
    """
    clock = Clock()
    data = source.path
    name, why = source.task or choose_task(data, task_name, source.values)
    values = source.values_for(name)
    settings, task = task_settings(name, values), load_task(name)
    settings = settings.model_copy(update={"backend": requested_backend(settings.backend)})
    device = checked_device(settings.device)
    check_threads(settings.threads)
    folder = RunFolder(out if out is not None else default_folder(source.stem))
    if out is not None:
        RunFolder.check_free(out, overwrite)  # before anything long is done
    given = settings.model_dump(mode="json", include=set(values))
    cell, settings = choose_cell(task, settings)
    read = task.read(data, settings, report.log)
    clock.read_seconds = clock.seconds
    if settings.floor != "none":
        read = task.fit_floor(read, settings, report.log)
        clock.floor_seconds = clock.seconds - clock.read_seconds
    settings = task.resolve(settings, read)

    objective = network_maker(task, read, settings, cell.make, device)(0)
    settings = settings.model_copy(update={"backend": single_backend(objective, settings)})
    with use_backend(settings.backend), bound_by(settings), Interrupt() as interrupt:
        threads, settings = pick_threads(objective, settings)
        chosen: list[str] = []
        if not objective.closed_form and not any(name in values for name in BUDGETS):
            settings, chosen = fill_in_budget(settings, objective.batches_per_epoch)
        torch.manual_seed(settings.seed)
        config = source.record(make_config(task, settings, data, read))
        config["given"] = {k: v for k, v in given.items() if str(v) not in source.recorded}
        files = new_files(task, config, read, objective, cell)
        messages = task.describe(read, settings, objective.model)
        make_objective = network_maker(task, read, settings, cell.make, device)
        trainer = Trainer(objective, settings, folder, report, clock, make_objective)
        with trainer.started(files, overwrite=overwrite, numbered=out is None):
            report.log(f"{data} is read for the task {name} (--task): {why}.")
            described = describe_run(settings, objective, threads, folder.path)
            for message in [*messages, *chosen, *described]:
                report.log(message)
            return finish_run(task, trainer, interrupt, read, source)


def choose_cell(task: AnyTask, settings: RecurrentSettings) -> tuple[RunCell, RecurrentSettings]:
    """The cell of the run, and the settings with every size; a user's own cell is tried.

    All of it before data is read, which may take long.
    """
    cell = given_cell(settings)
    settings = settings.model_copy(update={"cell": cell.word})
    settings = task.resolve_sizes(settings, cell.make)
    inputs, units = settings.embedding or settings.hidden or 1, settings.hidden or 1
    try_user_cell(cell, inputs, units)
    if settings.forget_bias is not None:
        set_forget_bias(cell.make(inputs, units), settings.forget_bias, settings.cell)
    return cell, settings


def single_backend(objective: Objective, settings: RecurrentSettings) -> str:
    """The backend for all of the run and for what resumes it, because others round differently.

    "auto" where the layers of the network run on several.
    """
    with use_backend(settings.backend):
        chosen = set(chosen_backends(objective.model, objective.batch(0).ragged))
    return chosen.pop() if len(chosen) == 1 else "auto"


def make_config(
    task: AnyTask, settings: RecurrentSettings, data: str, read: TaskData[Preprocessor]
) -> dict[str, object]:
    """What config.json records of a run beside the given settings: versions, task, settings, data."""
    return {
        "format": FORMAT,
        "unroll": __version__,
        "torch": torch.__version__,
        "task": task.name,
        "settings": settings.model_dump(mode="json"),
        "data": {
            "path": str(Path(data).absolute()) if data != "-" else "-",
            "sha256": read.sha256,
            **task.metadata(read),
            "validation_set": read.validation_set,
        },
    }


def new_files(
    task: AnyTask,
    config: dict[str, object],
    read: TaskData[Preprocessor],
    objective: Objective,
    cell: RunCell,
) -> dict[str, bytes]:
    """The files of a run folder before the first step."""
    return {
        "config.json": as_json(config),
        **task.baseline_files(read),
        "model.safetensors": pack(dict(objective.model.state_dict())),
        "README.md": model_card(config, None).encode(),
        **read.preprocessor.files(),
        **cell.files,
    }


def default_folder(stem: str) -> Path:
    """runs/NAME, after the data; where that exists, `RunFolder.published` gives it a number."""
    short = stem.encode("utf-8", "surrogateescape")[:LONGEST_NAME].decode("utf-8", "ignore")
    return Path("runs") / (short or "run")
