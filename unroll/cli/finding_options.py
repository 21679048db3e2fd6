"""Flags that every inspection has, what becomes of its finding, and the run that it looks into."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from unroll.cli.findings import as_flags, checked_files, report_finding
from unroll.cli.run_options import AsJson, Overwrite

if TYPE_CHECKING:
    from unroll.inspect.finding import Finding
    from unroll.run import Run

Out = Annotated[
    str | None, typer.Option(help="Write a page that works offline.", metavar="FILE.html")
]
Svg = Annotated[
    str | None,
    typer.Option(
        help="Write the main picture; into a folder, all pictures.", metavar="FILE.svg|FOLDER"
    ),
]
Csv = Annotated[
    str | None, typer.Option(help="Write the numbers of the pictures.", metavar="FILE.csv|FOLDER")
]
Png = Annotated[
    str | None, typer.Option(help="Write the pictures as pixels.", metavar="FILE.png|FOLDER")
]
OwnData = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATA]", help="Data of the kind it was trained on. Default: the data of the run."
    ),
]
Device = Annotated[str | None, typer.Option(help="The device of the run: cpu or cuda.")]


class Reported(NamedTuple):
    """What a command found.

    Attributes:
        finding: the result of an inspection.
        command: the words of the command without the flags of files, for pages.
    """

    finding: Finding
    command: list[str]


def files_and_form(
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """The flags of every command that reports a finding: which files are written, and text or JSON."""


def reports_finding(page: str) -> Callable[[Callable[..., Reported]], Callable[..., None]]:
    """Give a command the flags of `files_and_form`, and report what it finds.

    The files are checked before the command computes anything.

    Args:
        page: a file name to suggest for a page.
    """

    def with_flags(command: Callable[..., Reported]) -> Callable[..., None]:
        flags = inspect.signature(files_and_form, eval_str=True).parameters
        own = inspect.signature(command, eval_str=True).parameters

        @functools.wraps(command)
        def run(**given: Any) -> None:
            form = {name: given.pop(name, flag.default) for name, flag in flags.items()}
            wanted = {f"--{name}": form[name] for name in ("out", "svg", "csv", "png")}
            files = checked_files(wanted, form["overwrite"])
            report_finding(*command(**given), files, form["json"], page)

        parameters = [*own.values(), *flags.values()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return with_flags


def given_flags(**given: Any) -> list[str]:
    """The values that are not None, as flags of the command line."""
    return as_flags(given_values(**given))


def given_values(**values: Any) -> dict[str, Any]:
    """The values that are not None, by name."""
    return {name: value for name, value in values.items() if value is not None}


def load_run(path: str, device: str | None, trust_code: bool) -> Run:
    """The run in a folder, on the CPU unless a device is given."""
    from unroll.cli.run_options import open_run

    return open_run(path, device or "cpu", trust_code)
