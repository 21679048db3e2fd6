"""`unroll compare`: cells side by side on one problem, with the same start and budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unroll.cli.finding_options import Csv, Out, Png, Svg
from unroll.cli.findings import as_flags, checked_files, report_finding
from unroll.cli.output import say
from unroll.cli.run_options import AsJson, Overwrite
from unroll.errors import UserError


def compare(
    cells: Annotated[
        str,
        typer.Argument(
            metavar="CELLS", help="Names of `unroll cells`, or FILE.py:CLASS: rnn,lstm."
        ),
    ],
    task: Annotated[
        str,
        typer.Option(
            help="hello, agreement, counting, copy, reversal, adding; or a file of data.",
            metavar="NAME|DATA",
        ),
    ] = "agreement",
    seeds: Annotated[
        int | None, typer.Option(help="Networks of each cell. Default: 3, of DATA 1.")
    ] = None,
    hidden: Annotated[int | None, typer.Option(help="Units. Default: 64.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Of training. Default: enough for a cell that can do it.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="At most, for each network.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest. Default: 0.01.")] = None,
    init: Annotated[
        str | None,
        typer.Option(help="Of lstm, gru, rnn. Default: torch, as of all cells: uniform."),
    ] = None,
    cell_options: Annotated[
        str | None, typer.Option(help="Further arguments of every cell.", metavar="JSON")
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(
            help="Of DATA: the folder of the runs. Default: runs/compare.", metavar="FOLDER"
        ),
    ] = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Compare cells on one problem: the same start, the same budget, several seeds."""
    values = {
        "seeds": seeds,
        "hidden": hidden,
        "steps": steps,
        "seconds": seconds,
        "learning_rate": learning_rate,
        "init": init,
        "cell_options": cell_options,
        "runs": runs,
    }
    given = {name: value for name, value in values.items() if value is not None}
    names = [name.strip() for name in cells.split(",") if name.strip()]
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    finding = on_data(names, task, given) if Path(task).exists() else on_problem(names, task, given)
    command = ["unroll", "compare", cells, "--task", task, *as_flags(given)]
    report_finding(finding, command, files, json, "compare.html")


def on_problem(names: list[str], task: str, given: dict[str, Any]) -> Any:
    """The comparison on a generated problem, with a line of progress every few seconds.

    Raises:
        UserError: for a cell, a problem or a number that cannot be used.
    """
    if "runs" in given:
        raise UserError(f"--runs is for a file of data, and {task} is a problem. Leave it out.")
    import torch

    from unroll.compare.comparison import compare
    from unroll.training.report import ProgressLog

    torch.set_num_threads(1)  # networks of this size are slower on several threads
    logs: dict[str, ProgressLog] = {}

    def progress(name: str, share: float) -> None:
        """A line for the network that is trained."""
        if name not in logs:
            logs[name] = ProgressLog(name, lambda line: say(line, err=True))
        logs[name](share)

    return compare(names, task, progress=progress, **given)


def on_data(names: list[str], data: str, given: dict[str, Any]) -> Any:
    """The comparison on a file: a run of each cell and seed.

    Raises:
        UserError: for what a training refuses.
    """
    from unroll.compare.on_data import compare_on_data

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
