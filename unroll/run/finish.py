"""The end of every run: train, calibrate, measure, write the model card."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from functools import partial

from unroll.in_memory.source import DataSource
from unroll.tasks.base import D, M, N, P, R, S, Task, Trained
from unroll.tasks.load import open_run
from unroll.tasks.run import Run
from unroll.training.card import model_card
from unroll.training.checkpoint import WEIGHTS, pack
from unroll.training.files import as_json
from unroll.training.interrupt import Interrupt, Stopped
from unroll.training.loop import Trainer
from unroll.training.refit import CHOSEN, Refitted, refit, refit_factor, refit_steps
from unroll.training.report import ProgressLog
from unroll.training.run_cell import trust_flag
from unroll.training.seeds import all_networks, describe_networks, kept_network, network_records


def finish_run(
    task: Task[S, D, P, N, M, R],
    trainer: Trainer,
    interrupt: Interrupt,
    read: D,
    source: DataSource,
) -> Run:
    """Train to the end of the budget, measure the best weights, and save what was found.

    Args:
        task: whose run it is.
        trainer: started or resumed.
        interrupt: has listened since before the run folder was made.
        read: the training set and the validation set.
        source: where both are from, for people.

    Returns:
        The run, with its best weights.
    """
    report, progress = trainer.report, trainer.progress
    report.unit = trainer.objective.unit
    why = trainer.train(interrupt)
    ended = describe_end(why, trainer)
    report.log(f"{ended}, at step {progress.step} after {progress.seconds:.0f} s.")
    interrupt.signal = None  # one more signal ends what follows
    device = trainer.objective.device
    run = open_run(trainer.folder, device, trust_code=True)  # its own cell has just been run
    try:
        metrics = calibrate_and_validate(task, trainer, interrupt, read, run)
    except Stopped as stopped:
        report.log(
            f"Stopped by {stopped} before calibration and metrics had ended. The weights are saved. "
            f"Continue: {resume_command(run, source)}"
        )
        return open_run(trainer.folder, device, trust_code=True)
    refitted = refit_run(task, trainer, interrupt, read, run) if why in ("done", "early") else None
    networks = all_networks(trainer.settings, progress)
    result: dict[str, object] = {
        **source.wordings.say(dict(metrics)),
        "validation_set": source.wordings.say(read.validation_set),
        "steps": kept_network(networks).steps,
        "seconds": round(progress.seconds, 1),
        "stopped_by": why,
    }
    summary = task.summarise(metrics, read.validation_set)
    if refitted is not None:
        result["refit"] = refitted.record()
        summary = [*summary, refitted.sentence()]
    if trainer.settings.seeds > 1:
        result["seeds"] = network_records(networks)
        told = (*trainer.objective.told, trainer.objective.decides)
        summary = [*summary, describe_networks(networks, told, trainer.settings.seeds)]
    result["time"] = trainer.pace.record()
    save_result(run, result, summary, refitted)
    for sentence in summary:
        report.log(sentence)
    if why not in ("done", "early"):
        resume = resume_command(run, source)
        report.log(f"Everything is saved. Continue: {resume}")
    return run


def calibrate_and_validate(
    task: Task[S, D, P, N, M, R],
    trainer: Trainer,
    interrupt: Interrupt,
    read: D,
    run: Run,
) -> M:
    """Fit what belongs to the validation set into the kept weights, save them, and measure them.

    Raises:
        Stopped: where a signal has asked to end.
    """

    def trained(share: float) -> Trained[S, P, N]:
        # a run that had ended before a kill has no budget left, and makes up for its end
        seconds = None if trainer.has_ended else trainer.pace.ending_seconds(share)
        return replace(run.trained, seconds=seconds)

    log = trainer.report.log
    calibrating = ProgressLog("calibrating", log, interrupt.check)
    messages = task.calibrate(trained(0.5), read, calibrating)
    if messages is not None:
        # the weights that are trained on stay as they are, in their checkpoints
        for message in messages:
            log(message)
        weights = pack(dict(run.model.state_dict()))
        trainer.folder.save({WEIGHTS: weights, **run.preprocessor.files()})
    interrupt.check()
    return task.validate(trained(1.0), read, ProgressLog("evaluating", log, interrupt.check))


def refit_run(
    task: Task[S, D, P, N, M, R],
    trainer: Trainer,
    interrupt: Interrupt,
    read: D,
    run: Run,
) -> Refitted | None:
    """Learn from the validation set too: the simple model, and the network where its task can.

    A signal ends it, and leaves the weights as they were.

    Returns:
        What came of the network; None where it has not learned more.
    """
    if not trainer.settings.refit:
        return None
    log, pace = trainer.report.log, trainer.pace
    refitted = None
    try:
        floor = None
        needed = pace.floor_seconds
        if trainer.has_ended or not needed or pace.left >= needed / 2:
            begun = pace.now
            progress = ProgressLog("refitting", log, interrupt.check)
            limit = None if trainer.has_ended else pace.floor_limit()
            floor = task.refit_floor(replace(run.trained, seconds=limit), read, progress)
            pace.floor_again = pace.now - begun
        else:
            log("The simple model has not learned from the validation set: too few --seconds.")
        if floor is not None:
            run.preprocessor = floor  # as the folder has it
            weights = pack(dict(run.model.state_dict()))  # how much each counts may have changed
            trainer.folder.save({**floor.files(), WEIGHTS: weights})
        steps, seconds = pace.refit_limits()
        kept = kept_network(all_networks(trainer.settings, trainer.progress))
        if trainer.has_ended:
            steps, seconds = refit_steps(kept.best_step), math.inf
        if trainer.everything is not None and kept.best is not None and seconds > 0:
            trainer.objective.model.load_state_dict(run.model.state_dict())
            factor = partial(refit_factor, trainer.settings.schedule, is_last_part=pace.has_seconds)
            refitted = refit(
                trainer.objective,
                trainer.everything,
                trainer.settings,
                steps,
                factor,
                seconds,
                interrupt.check,
            )
            pace.refit = refitted.seconds
    except Stopped as stopped:
        log(
            f"Stopped by {stopped} while the validation set was learned from: the weights from before "
            "are kept."
        )
    return refitted


def save_result(
    run: Run, result: dict[str, object], summary: list[str], refitted: Refitted | None
) -> None:
    """Write result.json and the model card, and the weights of a refit, where there was one.

    The weights before it are kept as chosen.safetensors: a resumed run goes on with them.
    """
    card = model_card(run.config, result, summary)
    files = {"result.json": as_json(result), "README.md": card.encode()}
    is_refitted = refitted is not None and refitted.weights is not None
    if is_refitted or (run.folder.path / CHOSEN).exists():  # that of an earlier end is out of date
        run.folder.save({CHOSEN: pack(dict(run.model.state_dict()))})
    if refitted is not None and refitted.weights is not None:
        run.model.load_state_dict(refitted.weights)
        files[WEIGHTS] = pack(refitted.weights)
    run.folder.save(files)  # in this order: with the result, a resume takes the chosen weights


def resume_command(run: Run, source: DataSource) -> str:
    """What continues a run: a command, or a call where its data is from Python."""
    if not source.is_path:
        valid = ", valid=..." if source.values.get("valid") is not None else ""
        trust = ", trust_code=True" if trust_flag(run.settings) else ""
        return f"unroll.train(data, out={str(run.path)!r}, resume=True{valid}{trust}), with the same data"
    data, out = shlex.quote(run.config["data"]["path"]), shlex.quote(str(run.path))
    return f"unroll train {data} --out {out} --resume{trust_flag(run.settings)}"


def describe_end(why: str, trainer: Trainer) -> str:
    """Why training ended, in words; why: as `Trainer.train` returned it."""
    if why == "done":
        return "Solved" if trainer.objective.closed_form else "The budget is used"
    if why == "early":
        return f"Stopped early: no better for {trainer.progress.waited} evaluations"
    return f"Stopped by {why}"
