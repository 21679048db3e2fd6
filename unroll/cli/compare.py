"""`unroll compare`: cells side by side on one problem, with the same start and budget."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from unroll.cli.finding_options import Csv, Out, Png, Svg
from unroll.cli.findings import (
    as_flags,
    checked_files,
    progress_by_name,
    report_finding,
    write_and_report,
)
from unroll.cli.output import say
from unroll.cli.run_options import AsJson, Overwrite
from unroll.errors import UserError
from unroll.terminal import shortened

LISTS: dict[str, type] = {
    "init": str,
    "gain": float,
    "clip": float,
    "truncate": int,
    "directions": int,
}

Task = Annotated[
    str,
    typer.Option(
        help="hello, agreement, counting, copy, reversal, adding, names; or a file of data.",
        metavar="NAME|DATA",
    ),
]
Seeds = Annotated[int | None, typer.Option(help="Networks of each cell. Default: 3, of DATA 1.")]
Hidden = Annotated[int | None, typer.Option(help="Units. Default: 64.")]
Steps = Annotated[
    int | None, typer.Option(help="Of training. Default: enough for a cell that can do it.")
]
Init = Annotated[
    str | None,
    typer.Option(
        help="Of lstm, gru, rnn: torch, orthogonal, xavier, he, identity; several: he,torch. "
        "Default: torch, as of all cells: uniform."
    ),
]
Gain = Annotated[
    str | None,
    typer.Option(help="A factor of the recurrent weights; several: 0.5,1.1. Default: 1."),
]
Clip = Annotated[
    str | None,
    typer.Option(help="Clip the gradient to this norm; several: none,1. Default: 1."),
]
Truncate = Annotated[
    str | None,
    typer.Option(help="Cut the gradient every so many steps; several: 5,20,none. Default: none."),
]
Directions = Annotated[
    str | None,
    typer.Option(help="2: a second cell reads from the end; both: 1,2. Default: 1."),
]
Optimizer = Annotated[
    str | None, typer.Option(help="adam, or sgd, whose steps are as long as the gradient.")
]
CellOptions = Annotated[
    str | None, typer.Option(help="Further arguments of every cell.", metavar="JSON")
]
Runs = Annotated[
    str | None,
    typer.Option(help="Of DATA: the folder of the runs. Default: runs/compare.", metavar="FOLDER"),
]
Seconds = Annotated[float | None, typer.Option(help="At most, for each network.")]
LearningRate = Annotated[float | None, typer.Option(help="The highest. Default: 0.01.")]

WriteData = Annotated[
    str | None,
    typer.Option(
        help="Write the problem's data as text into this folder, and compare nothing.",
        metavar="FOLDER",
    ),
]


def compare(
    cells: Annotated[
        str,
        typer.Argument(
            metavar="CELLS", help="Names of `unroll cells`, or FILE.py:CLASS: rnn,lstm."
        ),
    ] = "",
    task: Task = "agreement",
    seeds: Seeds = None,
    hidden: Hidden = None,
    steps: Steps = None,
    seconds: Seconds = None,
    learning_rate: LearningRate = None,
    init: Init = None,
    gain: Gain = None,
    clip: Clip = None,
    truncate: Truncate = None,
    directions: Directions = None,
    optimizer: Optimizer = None,
    cell_options: CellOptions = None,
    runs: Runs = None,
    write_data: WriteData = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Compare cells, starts, clipping or truncation on one problem: the same budget, several seeds."""
    if write_data is not None:
        write_problem(task, write_data, cells, overwrite)
        return
    if not cells:
        raise UserError("compare got no CELLS; expected names such as rnn,lstm, or --write-data.")
    values = {
        "seeds": seeds,
        "hidden": hidden,
        "steps": steps,
        "seconds": seconds,
        "learning_rate": learning_rate,
        "init": init,
        "gain": gain,
        "clip": clip,
        "truncate": truncate,
        "directions": directions,
        "optimizer": optimizer,
        "cell_options": cell_options,
        "runs": runs,
    }
    given = {name: value for name, value in values.items() if value is not None}
    names = [name.strip() for name in cells.split(",") if name.strip()]
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    finding = on_data(names, task, given) if Path(task).exists() else on_problem(names, task, given)
    command = ["unroll", "compare", cells, "--task", task, *as_flags(given)]
    report_finding(finding, command, files, json, "compare.html")


def write_problem(task: str, folder: str, cells: str, overwrite: bool) -> None:
    """Write the data of a problem into a folder, and say what can be done with it.

    Raises:
        UserError: where cells are given too, and for a folder that is in use.
    """
    if cells:
        raise UserError("CELLS and --write-data are both given; expected one of them.")
    place = checked_files({"--write-data": folder}, overwrite)["--write-data"]
    from unroll.compare.corpus import write_corpus

    def write(file: Path, content: bytes) -> None:
        """Make the folder with its first file."""
        file.parent.mkdir(exist_ok=True)
        write_and_report(file, content)

    write_corpus(task, place, write)
    level = " --level word" if task == "agreement" else ""
    data = shlex.quote(str(place / f"{task}.txt"))
    say(f"Train on it: unroll train {data} --per-line{level} --hidden 32 --steps 1200")


def on_problem(names: list[str], task: str, given: dict[str, Any]) -> Any:
    """The comparison on a generated problem, with a line of progress every few seconds.

    Raises:
        UserError: for a cell, a problem or a number that cannot be used.
    """
    if "runs" in given:
        raise UserError(f"--runs is for a file of data, and {task} is a problem. Leave it out.")
    import torch

    from unroll.compare.comparison import compare

    torch.set_num_threads(1)  # networks of this size are slower on several threads
    given = {
        name: several_values(name, value) if name in LISTS else value
        for name, value in given.items()
    }
    return compare(names, task, progress=progress_by_name(), **given)


def several_values(flag: str, words: str) -> list[Any]:
    """The values of a flag that takes several: none is no clipping and no truncation.

    Args:
        flag: its name.
        words: with commas.

    Raises:
        UserError: for what is no number where one is expected.
    """
    kind, values = LISTS[flag], list[Any]()
    for word in words.split(","):
        word = word.strip()
        if word == "none" and flag in ("clip", "truncate"):
            values.append(None)
            continue
        try:
            values.append(kind(word))
        except ValueError as error:
            none = " or none" if flag in ("clip", "truncate") else ""
            raise UserError(
                f"--{flag} got {shortened(repr(words), 60)}; expected numbers{none}, with commas between them."
            ) from error
    return values


def on_data(names: list[str], data: str, given: dict[str, Any]) -> Any:
    """The comparison on a file: a run of each cell and seed.

    Raises:
        UserError: for what a training refuses.
    """
    from unroll.compare.on_data import compare_on_data

    wrong = [
        name for name in ("gain", "clip", "truncate", "directions", "optimizer") if name in given
    ]
    if wrong:
        raise UserError(
            f"--{wrong[0]} is for problems, and {data} is data. Leave it out; unroll train takes --set "
            "clip_norm=N and --set block=N."
        )
    folder = Path(given.pop("runs", "runs/compare"))
    if "init" in given:
        given["initialisation"] = given.pop("init")
    settings: dict[str, Any] = {
        name: given[name]
        for name in ("hidden", "learning_rate", "initialisation", "cell_options")
        if name in given
    }
    budget: dict[str, Any] = {
        name: given[name] for name in ("seeds", "seconds", "steps") if name in given
    }
    return compare_on_data(names, data, folder, settings=settings, **budget)
