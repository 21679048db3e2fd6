"""The end of every run: train, calibrate, measure, write the model card."""

from __future__ import annotations

import shlex
from dataclasses import replace

from unroll.in_memory.source import DataSource
from unroll.tasks.base import D, M, N, P, R, S, Task
from unroll.tasks.load import open_run
from unroll.tasks.run import Run
from unroll.training.card import model_card
from unroll.training.checkpoint import pack
from unroll.training.files import as_json
from unroll.training.interrupt import Interrupt
from unroll.training.loop import Trainer
from unroll.training.report import ProgressLog
from unroll.training.run_cell import trust_flag


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
    report, folder, progress = trainer.report, trainer.folder, trainer.progress
    report.unit = trainer.objective.unit
    why = trainer.train(interrupt)
    ended = describe_end(why, trainer)
    report.log(f"{ended}, at step {progress.step} after {progress.seconds:.0f} s.")
    device = trainer.objective.device
    run = open_run(folder, device, trust_code=True)  # the cell of its own has just been run
    pace = trainer.pace
    trained = replace(run.trained, seconds=pace.ending_seconds(0.5))
    messages = task.calibrate(trained, read, ProgressLog("calibrating", report.log))
    if messages is not None:
        # the weights that are trained on stay as they are, in their checkpoints
        for message in messages:
            report.log(message)
        weights = pack(dict(run.model.state_dict()))
        folder.save({"model.safetensors": weights, **run.preprocessor.files()})
    trained = replace(run.trained, seconds=pace.ending_seconds(1.0))
    metrics = task.validate(trained, read, ProgressLog("evaluating", report.log))
    if run.settings.refit:
        refitted = task.refit_floor(run.trained, read, ProgressLog("refitting", report.log))
        if refitted is not None:
            folder.save(refitted.files())
            run.preprocessor = refitted  # as the folder has it
    result: dict[str, object] = {
        **source.wordings.say(dict(metrics)),
        "validation_set": source.wordings.say(read.validation_set),
        "steps": progress.step,
        "seconds": round(progress.seconds, 1),
        "stopped_by": why,
        "time": pace.record(),
    }
    summary = task.summarise(metrics, read.validation_set)
    card = model_card(run.config, result, summary)
    folder.save({"result.json": as_json(result), "README.md": card.encode()})
    for sentence in summary:
        report.log(sentence)
    if why not in ("done", "early"):
        resume = resume_command(run, source)
        report.log(f"Everything is saved. Continue: {resume}")
    return run


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
