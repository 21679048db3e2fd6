"""A run from its first step, or from where it stopped, to the end of its budget."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import torch

from unroll.counting import counted
from unroll.engine.backends import backend as use_backend
from unroll.engine.backends import requested_backend
from unroll.errors import UserError
from unroll.layers.explain import chosen_backends
from unroll.run.description import BUDGETS, header
from unroll.settings import RecurrentSettings, settings_from
from unroll.tasks import guess_task, load_task, settings_of
from unroll.tasks.base import D, M, N, P, R, S, Task
from unroll.tasks.load import open_run
from unroll.tasks.run import Run, baselines_of, bound_by, check_needed
from unroll.training.budget import Budget
from unroll.training.card import model_card
from unroll.training.checkpoint import pack
from unroll.training.device import checked_device
from unroll.training.files import Damaged, as_json, check_folder
from unroll.training.folder import FORMAT, RunFolder
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.objective import Objective
from unroll.training.report import ProgressLog, QuietReport, TrainingReport, make_report
from unroll.training.run_cell import as_recorded, given_cell, recorded_cell, trust_flag, try_own
from unroll.training.threads import choose_threads
from unroll.version import __version__

# what a resumed run may change; everything else is as the run recorded it
FREE = {
    "seconds",
    "steps",
    "epochs",
    "device",
    "evaluate_every",
    "checkpoint_every",
    "keep_checkpoints",
    "patience",
    "watch",
}


def train(
    data: str | Path,
    out: str | Path | None = None,
    *,
    task: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    trust_code: bool = False,
    quiet: bool = False,
    report: TrainingReport | None = None,
    **settings: Any,
) -> Run:
    """Train a recurrent network on data of your own, into a run folder.

    When to use it: `run = unroll.train("poems.txt", seconds=90)`, then `run.generate("O rose")`.

    Args:
        data: a text, a table, a folder: what the task reads; "-" for a text on standard input.
        out: the run folder. None: runs/NAME, with a number where that exists.
        task: "language", ...; None: guessed from the data and the settings.
        resume: go on with the run in `out`. overwrite: start it anew.
        trust_code: on resuming, whether a cell of the user's own in the run folder may be run.
        quiet: say nothing.
        report: who says how it goes. None: a live display on a terminal, else plain lines.
        settings: any field of the task's settings in `unroll.settings`: seconds (to add), steps or
            epochs (totals of the run), cell, layers, hidden, seed, ...

    returns: the run, with its best weights.
    Raises: UserError, in a sentence, for data, settings or folders that cannot be used.

    Example:
        >>> import unroll
        >>> from pathlib import Path
        >>> _ = Path("rose.txt").write_text("a rose is a rose is a rose. " * 200)
        >>> run = unroll.train("rose.txt", steps=20, hidden=16)
        >>> run.path.name
        'rose'
    """
    settings = {k: v for k, v in settings.items() if v is not None}
    if resume and overwrite:
        raise UserError("--resume and --overwrite are both given; expected one of them.")
    if quiet:
        report = QuietReport()
    if not resume:
        path = None if out is None else Path(out)
        return _fresh(str(data), path, task, overwrite, settings, report)
    if out is None:
        raise UserError("--resume goes on with a run; name its folder by --out.")
    return _resumed(str(data), Path(out), settings, report, trust_code)


def _fresh(
    data: str,
    out: Path | None,
    task_name: str | None,
    overwrite: bool,
    values: dict[str, Any],
    report: TrainingReport | None,
) -> Run:
    name, why = guess_task(data, values) if task_name is None else (task_name, "as asked")
    settings = settings_from(settings_of(name), values)
    task = load_task(name)
    settings = settings.model_copy(update={"backend": requested_backend(settings.backend)})
    device = checked_device(settings.device)
    path = out if out is not None else free_folder(data)
    if path.exists() and not overwrite:
        RunFolder.create(path, {}, overwrite)  # refuses, before anything long is done
    cell = given_cell(settings)  # before a long text is read
    settings = settings.model_copy(update={"cell": cell.word})
    settings = task.resolve_sizes(settings, cell.make)
    try_own(cell, settings.embedding or settings.hidden or 1, settings.hidden or 1)
    report = report or make_report("tokens")
    read = task.read(data, settings, report.log)
    settings = task.resolve(settings, read)

    torch.manual_seed(settings.seed)
    network = task.build_network(settings, read.preprocessor, cell.make).to(device)
    objective = task.objective(network, read, settings, device)
    with use_backend(settings.backend):
        ragged = objective.batch(0).ragged
        ran = set(chosen_backends(network, ragged))
    # one backend for all of the run, and for what resumes it: others round differently
    settings = settings.model_copy(update={"backend": ran.pop() if len(ran) == 1 else "auto"})
    with use_backend(settings.backend), bound_by(settings), Interrupt() as interrupt:
        said_threads, settings = pick_threads(objective, settings)
        torch.manual_seed(settings.seed)
        config = {
            "format": FORMAT,
            "unroll": __version__,
            "torch": torch.__version__,
            "task": name,
            "settings": settings.model_dump(mode="json"),
            "data": {
                "path": str(Path(data).absolute()) if data != "-" else "-",
                "sha256": read.sha256,
                **task.metadata(read),
                "validation_set": read.validation_set,
            },
        }
        folder = RunFolder.create(
            path,
            {
                "config.json": as_json(config),
                **task.baseline_files(read),
                "model.safetensors": pack(dict(network.state_dict())),
                "README.md": model_card(config, None).encode(),
                **read.preprocessor.files(),
                **cell.files,
            },
            overwrite,
        )
        report.log(f"{data}: {why}, read for the task {name} (--task).")
        for sentence in task.describe(read, settings, network):
            report.log(sentence)
        for sentence in header(settings, network, said_threads, path):
            report.log(sentence)
        with folder.locked():
            trainer = Trainer(objective, settings, folder, report)
            trainer.start()
            return finish(task, trainer, interrupt, folder, read, device, report)


def _resumed(
    data: str, out: Path, values: dict[str, Any], report: TrainingReport | None, trust_code: bool
) -> Run:
    folder = RunFolder.open(out)
    report = report or make_report("tokens")
    config = folder.config()
    task, kind = load_task(config["task"]), settings_of(config["task"])
    check_needed(folder)
    recorded = settings_from(kind, config["settings"])
    asked = settings_from(kind, values)
    cell = recorded_cell(folder, recorded, trust_code)
    asked = asked.model_copy(update={"cell": as_recorded(asked.cell, cell)})
    for name in set(values) - FREE:
        if getattr(asked, name) != getattr(recorded, name):
            raise UserError(
                f"{out} was made with {name}={getattr(recorded, name)}; a resumed run keeps its "
                f"settings, and got {getattr(asked, name)}. Leave it out, or start a new run."
            )
    changes = {name: getattr(asked, name) for name in set(values) & FREE}
    if any(name in changes for name in BUDGETS):
        changes = {**dict.fromkeys(BUDGETS), **changes}
    settings = recorded.model_copy(update=changes)
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
        trainer = Trainer(task.objective(network, read, settings, device), settings, folder, report)
        trainer.resume()
        refuse_nothing_to_do(trainer, settings, out)
        if settings.seconds is not None and not any(name in values for name in BUDGETS):
            # an interrupted run of so many seconds has what is left of them
            left = settings.seconds - trainer.progress.seconds
            settings = trainer.settings = settings.model_copy(update={"seconds": max(left, 1e-3)})
        try:
            check_folder(out, only=baselines_of(folder))
        except Damaged as damage:
            report.log(f"{damage}; the baseline is made again.")
            folder.save(task.baseline_files(read))
        folder.update_config(settings={**config["settings"], **recorded_budget(trainer)})
        return finish(task, trainer, interrupt, folder, read, device, report)


def refuse_nothing_to_do(trainer: Trainer, settings: RecurrentSettings, out: Path) -> None:
    """A resume with a budget that is used up already would look like success."""
    progress = trainer.progress
    budget = Budget.of(settings, trainer.objective.batches_per_epoch, progress.seconds)
    if trainer.objective.closed_form:
        raise UserError(
            f"{out} has a read-out in closed form: there is nothing to go on with. Start a new run by "
            "another --out."
        )
    result = out / "result.json"  # not there: the run was killed between its last step and its end
    if budget.kind == "steps" and progress.step >= budget.total and result.exists():
        raise UserError(
            f"{out} is at step {progress.step} of {budget.total:g} already. Give a higher --steps "
            "or --epochs, or --seconds to add."
        )
    result.unlink(missing_ok=True)


def recorded_budget(trainer: Trainer) -> dict[str, Any]:
    """The budget as a total of the run, for its config."""
    budget = {name: getattr(trainer.settings, name) for name in BUDGETS}
    if budget["seconds"] is not None:
        budget["seconds"] += trainer.progress.seconds
    return budget


def finish(
    task: Task[S, D, P, N, M, R],
    trainer: Trainer,
    interrupt: Interrupt,
    folder: RunFolder,
    read: D,
    device: torch.device,
    report: TrainingReport,
) -> Run:
    """Train, say how it ended, write the model card, and hand over the run."""
    report.unit = trainer.objective.unit
    why = trainer.train(interrupt)
    progress = trainer.progress
    ends = {
        "done": "The budget is used" if not trainer.objective.closed_form else "Solved",
        "early": f"Stopped early: no better for {progress.waited} evaluations",
    }
    report.log(
        f"{ends.get(why, f'Stopped by {why}')}, at step {progress.step} after "
        f"{progress.seconds:.0f} s."
    )
    run = open_run(folder, device, trust_code=True)  # the cell of its own has just been run
    fitted = task.calibrate(run.trained, read, ProgressLog("calibrating", report.log))
    if fitted is not None:
        # the weights that are trained on stay as they are, in their checkpoints
        for sentence in fitted:
            report.log(sentence)
        folder.save({"model.safetensors": pack(dict(run.model.state_dict()))})
    metrics = task.validate(run.trained, read, ProgressLog("evaluating", report.log))
    result: dict[str, object] = {
        **metrics,
        "validation_set": read.validation_set,
        "steps": progress.step,
        "seconds": round(progress.seconds, 1),
        "stopped_by": why,
    }
    verdict = task.summarise(metrics, read.validation_set)
    folder.save(
        {
            "result.json": as_json(result),
            "README.md": model_card(run.config, result, verdict).encode(),
        }
    )
    for sentence in verdict:
        report.log(sentence)
    if why not in ends:
        data = shlex.quote(run.config["data"]["path"])
        report.log(
            f"Everything is saved. Go on: unroll train {data} --out {shlex.quote(str(folder.path))} "
            f"--resume{trust_flag(run.settings)}"
        )
    return run


def pick_threads(
    objective: Objective, settings: RecurrentSettings
) -> tuple[str, RecurrentSettings]:
    """The threads asked for, or the fastest in a short timing that leaves no trace."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
        return f"{counted(settings.threads, 'thread')} (as asked)", settings
    if settings.device != "cpu":
        return counted(torch.get_num_threads(), "thread"), settings

    batch = objective.batch(0)

    def trial() -> None:
        loss, _ = batch.loss(None)
        loss.backward()
        objective.model.zero_grad()

    threads, said = choose_threads(trial)
    return said, settings.model_copy(update={"threads": threads})


def free_folder(data: str) -> Path:
    """runs/NAME, or runs/NAME-2 and so on where that is taken."""
    stem = "stdin" if data == "-" else Path(data).name.split(".")[0] or "run"
    path, number = Path("runs") / stem, 2
    while path.exists():
        path, number = Path("runs") / f"{stem}-{number}", number + 1
    return path
