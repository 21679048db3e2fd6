"""`unroll.train`: a new run, or a run from where it stopped, to the end of its budget."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.in_memory.source import open_data
from unroll.paths import refuse_impossible_path
from unroll.run.new_run import start_run
from unroll.run.resumed_run import resume_run
from unroll.run.worded_report import WordedReport
from unroll.tasks.base import Log
from unroll.tasks.run import Run
from unroll.training.folder import RunFolder, is_free
from unroll.training.notebook_report import NotebookReport, in_notebook
from unroll.training.report import QuietReport, TrainingReport, make_report, reported


def train(
    data: Any,
    out: str | Path | None = None,
    *,
    labels: Any = None,
    task: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    trust_code: bool = False,
    quiet: bool = False,
    report: TrainingReport | None = None,
    **settings: Any,
) -> Run:
    """Train a recurrent network on data of your own, into a run folder.

    When to use it: `run = unroll.train("poems.txt", seconds=90)`, then `run.generate("O rose")`; or
    `run = unroll.train(df, label="sentiment")`, then `run.predict(new_df)`.

    Args:
        data: the path of a text, a table, a folder: what the task reads; "-" for a text on standard
            input. Or data from Python: a DataFrame (pandas, polars, Arrow), a dictionary of columns, an
            array [N, T, F] or [N, T], a list of texts, pairs, records, arrays, images or sounds, `(X, y)`,
            a data set of torch or Hugging Face.
        out: the run folder. Default: runs/NAME, with a number where that exists.
        labels: one for each record of data from Python. Default: in the data.
        task: "language", "tag", ... Default: guessed from the data and the settings.
        resume: continue the run in `out`; where there is none, start it, so that the same command may
            be given again after any stop.
        overwrite: replace the run in `out`.
        trust_code: on resuming, whether the cell file in the run folder, which is Python, may be run.
        quiet: report nothing.
        report: what a person sees. Default: a live display on a terminal, else plain lines.
        settings: any field of the task's settings: seconds (to add), steps or epochs (totals of the
            run), cell, layers, hidden, seed, ...; `valid` may be data from Python too.

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
    if report is None:
        report = NotebookReport("tokens") if in_notebook() else make_report("tokens")
    if out is not None:
        refuse_impossible_path(os.fspath(out), "--out")
    if resume and out is None:
        raise UserError("--resume continues a run; name its folder by --out.")
    path = None if out is None else Path(out)
    resumed = path if resume and path is not None and not is_free(path) else None
    known = task if resumed is None else RunFolder.open(resumed).config()["task"]
    with open_data(data, given, labels=labels, task=known) as source:
        said = WordedReport(report, source.wordings) if source.wordings.all else report
        with one_training(said.log), reported(said, quiet=type(report) is QuietReport):
            for message in source.messages:
                said.log(message)
            if resumed is not None:
                return resume_run(source, resumed, said, task_name=task, trust_code=trust_code)
            if resume:
                said.log(f"There is no run in {path} yet: a new one starts (--resume).")
            return start_run(source, path, task, said, overwrite=overwrite)


_training = threading.RLock()


def _new_lock() -> None:
    """Another thread may have trained when the process forked; it is not here."""
    global _training
    _training = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


@contextmanager
def one_training(log: Log) -> Iterator[None]:
    """A block in which no other thread of this process trains.

    Threads share torch's generator and its number of threads: a run is the same as alone.

    Args:
        log: takes a sentence where another thread has to end first.
    """
    lock = _training
    if not lock.acquire(blocking=False):
        log("Another thread of this process is training; this training starts when that one ends.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
