"""`unroll train`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from unroll.cells.user_cell import parse_cell_file, read_source
from unroll.cli.output import say, say_json
from unroll.cli.task_options import (
    Assignments,
    TaskAndData,
    TaskName,
    asks_for_settings,
    print_settings,
    task_and_data,
)
from unroll.paths import refuse_impossible_path
from unroll.settings import RecurrentSettings, parse_assignments, settings_from
from unroll.settings.parse import words_of_none
from unroll.tasks.task_settings import choose_task, task_settings


def train(
    words: TaskAndData,
    out: Annotated[
        str | None,
        typer.Option(help="The run folder. Default: runs/NAME, after the data.", metavar="RUN"),
    ] = None,
    task: TaskName = None,
    *,
    settings: dict[str, Any],
    assignments: Assignments = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --out.", show_default=False)
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace the run in --out.", show_default=False),
    ] = False,
    trust_code: Annotated[
        bool,
        typer.Option(
            "--trust-code",
            help="With --resume: allow the Python code of the run's own cell (cell.py) to run.",
            show_default=False,
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines on standard output.", show_default=False)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing but errors.", show_default=False)
    ] = False,
) -> None:
    """Train a recurrent network on your own data.

    The task and the form of the data are guessed and printed, each with the flag that changes it.
    Ctrl-C saves the run and stops.
    """
    task, data = task_and_data(words, task, "train")
    if asks_for_settings(assignments):
        given = {name: value for name, value in settings.items() if name != "valid"}
        print_settings(choose_task(data, task, given)[0], training=True, all_of_them=True)
        return
    values = settings | parse_assignments(assignments or [])
    if out is not None:
        refuse_impossible_path(out, "--out")
    kind = check_before_torch(data, task, resume, values)
    values = words_of_none(kind, values)

    from unroll.run import train as train_run
    from unroll.training.report import make_report

    report = make_report(as_json=json, quiet=quiet)
    run = train_run(
        data, out, task=task, resume=resume, overwrite=overwrite, trust_code=trust_code,
        report=report, **values,
    )  # fmt: skip
    if json:
        say_json({"run": str(run.path), **run.result()})
    elif not quiet:
        for line in ["Use it:", *run.usage()]:
            say(line, err=True)


def check_before_torch(
    data: str, task: str | None, resume: bool, values: dict[str, Any]
) -> type[RecurrentSettings]:
    """Refuse wrong words at once. A resumed run knows its task, which then checks the rest.

    Returns:
        The class of the settings that were checked.

    Raises:
        UserError: for a wrong setting, a cell that does not exist, data that plainly is none.
    """
    settings: RecurrentSettings
    if resume and task is None:
        shared = {k: v for k, v in values.items() if k in RecurrentSettings.model_fields}
        settings = settings_from(RecurrentSettings, shared)
    else:
        settings = task_settings(choose_task(data, task, values)[0], values)
        settings.check_path(data)
    own = parse_cell_file(settings.cell)
    if own is not None:
        read_source(own[0])
    return type(settings)
