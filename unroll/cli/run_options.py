"""What the commands that use a run have in common: their options, and how they open it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.output import say
from unroll.cli.task_options import asks_for_settings, print_settings
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path
from unroll.settings import parse_assignments

if TYPE_CHECKING:
    from unroll.run import LanguageRun, Run

RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Condition = Annotated[
    str | None, typer.Option(help="The category, for a run trained with --condition.")
]
Device = Annotated[str, typer.Option(help="Where to run: cpu, cuda, mps.")]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code", help="Allow the Python code of the run's own cell (cell.py) to run."
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Skip bad records; they are counted and reported.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
RunAssignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A setting of how the run is used, such as beam=1.", metavar="NAME=VALUE"
    ),
]


def text_given(text: str) -> str:
    """A text of the command line; of `-`, what standard input holds, without its last line end.

    Raises:
        UserError: where standard input is not UTF-8.
    """
    if text != "-":
        return text
    try:
        read = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"Standard input is not UTF-8 (byte {error.start}); expected a text. Convert it by iconv."
        ) from error
    return read.removesuffix("\n").removesuffix("\r")


def open_run(path: str, device: str, trust_code: bool) -> Run:
    """The run at a path; one that plainly is none is refused before torch is loaded.

    Raises:
        UserError: where it cannot be loaded.
    """
    refuse_impossible_path(path, "RUN")
    if not (Path(path) / "config.json").is_file():
        what = "is not a run folder" if Path(path).exists() else "does not exist"
        raise UserError(
            f"{path} {what}; expected a run folder, with a config.json, that `unroll train` made."
        )
    import torch

    from unroll.run import load

    run = load(path, device, trust_code)
    if device == "cpu":
        torch.set_num_threads(run.settings.threads or torch.get_num_threads())
    for warning in run.warnings:
        say(f"unroll: {warning}", err=True)
    return run


def open_language_run(path: str, device: str, trust_code: bool) -> LanguageRun:
    """The run of a language model at a path.

    Raises:
        UserError: where it cannot be loaded, or is a run of another task.
    """
    return as_language_run(open_run(path, device, trust_code), path)


def as_language_run(run: Run, path: str) -> LanguageRun:
    """The same run, where it is of a language model.

    Raises:
        UserError: where it is not.
    """
    from unroll.run import LanguageRun, MusicRun

    if not isinstance(run, LanguageRun):
        use = "generate" if isinstance(run, MusicRun) else "predict"
        raise UserError(
            f"{path} is a run of the task {run.task_name}, which cannot score or continue texts. "
            f"Use unroll eval {path} DATA, or unroll {use} {path} ..."
        )
    return run


def adjust(run: Run, skip_bad: bool, assignments: list[str] | None) -> None:
    """Change the settings of how a run is used as the options say."""
    if asks_for_settings(assignments):
        if not run.task.changeable:
            raise UserError(
                f"A run of the task {run.task_name} has no setting that can be changed."
            )
        print_settings(run.task_name, True, True, run.task.changeable)
        raise typer.Exit
    changes: dict[str, Any] = {"skip_bad": True} if skip_bad else {}
    run.adjust(**changes, **parse_assignments(assignments or []))
