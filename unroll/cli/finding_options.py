"""Flags that every inspection has, and the run that it looks into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.findings import as_flags

if TYPE_CHECKING:
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
Device = Annotated[str | None, typer.Option(help="The device of the run: cpu or cuda.")]


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
