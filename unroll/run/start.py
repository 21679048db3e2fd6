"""`unroll.train`: a new run, or a run from where it stopped, to the end of its budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.run.new_run import start_run
from unroll.run.resumed_run import resume_run
from unroll.tasks.run import Run
from unroll.training.report import QuietReport, TrainingReport, make_report


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
        out: the run folder. Default: runs/NAME, with a number where that exists.
        task: "language", "tag", ... Default: guessed from the data and the settings.
        resume: continue the run in `out`.
        overwrite: replace the run in `out`.
        trust_code: on resuming, whether the cell file in the run folder, which is Python, may be run.
        quiet: report nothing.
        report: what a person sees. Default: a live display on a terminal, else plain lines.
        settings: any field of the task's settings: seconds (to add), steps or epochs (totals of the
            run), cell, layers, hidden, seed, ...

    Returns:
        The run, with its best weights.

    Raises:
        UserError: in a sentence, for data, settings or folders that cannot be used.

    Examples:
        >>> import unroll
        >>> from pathlib import Path
        >>> _ = Path("rose.txt").write_text("a rose is a rose is a rose. " * 200)
        >>> run = unroll.train("rose.txt", steps=20, hidden=16)
        >>> run.path.name
        'rose'
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if resume and overwrite:
        raise UserError("--resume and --overwrite are both given; expected one of them.")
    if quiet:
        report = QuietReport()
    report = report or make_report("tokens")
    if not resume:
        path = None if out is None else Path(out)
        return start_run(str(data), path, task, given, report, overwrite=overwrite)
    if out is None:
        raise UserError("--resume continues a run; name its folder by --out.")
    return resume_run(str(data), Path(out), given, report, task_name=task, trust_code=trust_code)
