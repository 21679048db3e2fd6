"""`unroll inspect`: what goes on inside a cell or a run, in numbers and pictures."""

from __future__ import annotations

import json as json_module
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.inspect import Gradients

CELLS = "rnn,irnn,lstm,gru"
OF_RUNS = ("length", "batch", "device", "trust_code")  # the flags that a RUN takes

app = typer.Typer(no_args_is_help=True, help="Look inside a cell or a run.")


@app.callback()
def inspect() -> None:
    """Look inside a cell or a run."""


@app.command("gradients")
def gradients(
    path: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run of a language model.")
    ] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="A text to follow it in.")
    ] = None,
    cells: Annotated[
        str | None,
        typer.Option(help=f"Fresh cells, by name or FILE.py:CLASS; left out, {CELLS}."),
    ] = None,
    length: Annotated[
        int | None, typer.Option(help="Steps before the loss: 200, or 100 in a run.")
    ] = None,
    hidden: Annotated[int | None, typer.Option(help="Units, and numbers an input: 64.")] = None,
    batch: Annotated[int | None, typer.Option(help="Sequences side by side: 8.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, inputs and targets: 1.")] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Start of lstm, gru, rnn: auto, torch, orthogonal, xavier, he, identity."
        ),
    ] = None,
    gain: Annotated[
        float | None, typer.Option(help="Multiply the recurrent weights by it: 1.")
    ] = None,
    forget_bias: Annotated[
        float | None, typer.Option(help="Of LSTM cells; left out, as --init has it.")
    ] = None,
    inputs: Annotated[
        float | None, typer.Option(help="Standard deviation of the inputs: 1; 0 is silence.")
    ] = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Put white noise in at the loss, not an error.")
    ] = False,
    clip: Annotated[
        float | None, typer.Option(help="Clip the gradient of the weights to this norm.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="A report: one page, works offline.", metavar="FILE.html")
    ] = None,
    svg: Annotated[str | None, typer.Option(help="The curves.", metavar="FILE.svg")] = None,
    csv: Annotated[str | None, typer.Option(help="Every norm.", metavar="FILE.csv")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over files that are there.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    device: Annotated[str | None, typer.Option(help="Where a run is loaded: cpu, cuda.")] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="Run the cell.py in the run, a cell of its own.")
    ] = False,
) -> None:
    """How far back the gradient of a loss goes, step by step: of fresh cells, or in a RUN."""
    given = {
        "cells": cells,
        "length": length,
        "hidden": hidden,
        "batch": batch,
        "seed": seed,
        "init": init,
        "gain": gain,
        "forget_bias": forget_bias,
        "inputs": inputs,
        "noise": noise or None,
        "clip": clip,
        "device": device,
        "trust_code": trust_code or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    files = {"--out": out, "--svg": svg, "--csv": csv}
    wanted = {flag: Path(file) for flag, file in files.items() if file is not None}
    check_files(wanted, overwrite)
    found = of_cells(given) if path is None else of_run(path, data, given)

    words = ["unroll", "inspect", "gradients", *filter(None, (path, data)), *flags(given)]
    write = {
        "--out": lambda: found.html(shlex.join(words)),
        "--svg": found.svg,
        "--csv": found.csv,
    }
    for flag, file in wanted.items():
        write_text(file, write[flag]())
    if json:
        typer.echo(json_module.dumps(found.facts(), allow_nan=False))
        return
    typer.echo(found.text())
    if not wanted:
        again = shlex.join([*words, "--out", "gradients.html"])
        typer.echo(f"\nAs pictures, in a browser: {again}")


def of_cells(given: dict[str, Any]) -> Gradients:
    """Those of fresh cells."""
    for_runs = [name for name in ("device", "trust_code") if name in given]
    if for_runs:
        raise UserError(f"--{for_runs[0].replace('_', '-')} is for a RUN. Leave it out.")
    names = [name.strip() for name in given.get("cells", CELLS).split(",") if name.strip()]
    import torch

    from unroll.inspect import gradients_of_cells

    torch.set_num_threads(1)  # cells of this size are slower on several
    return gradients_of_cells(names, **{k: v for k, v in given.items() if k != "cells"})


def of_run(path: str, data: str | None, given: dict[str, Any]) -> Gradients:
    """Those in a trained model."""
    if data is None:
        raise UserError(
            f"inspect gradients got the run {path} and no DATA; expected a text to follow the "
            f"gradient in: unroll inspect gradients {shlex.quote(path)} FILE"
        )
    wrong = [name for name in given if name not in OF_RUNS]
    if wrong:
        raise UserError(
            f"--{wrong[0].replace('_', '-')} is for fresh cells, and {path} is a run, which has its "
            "own. Leave one of them out."
        )
    from unroll.cli.use import opened

    run = opened(path, given.get("device", "cpu"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_run

    sizes = {name: given[name] for name in ("length", "batch") if name in given}
    return gradients_of_run(run, data, **sizes)


def flags(given: dict[str, Any]) -> list[str]:
    """The given settings as one would type them."""
    words = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    return words


def check_files(wanted: dict[str, Path], overwrite: bool) -> None:
    """Raise UserError for files that cannot be written, before anything is computed."""
    for flag, file in wanted.items():
        if file.exists() and not overwrite:
            raise UserError(f"{file} exists already; nothing was overwritten. Use --overwrite.")
        if not file.absolute().parent.is_dir():
            raise UserError(f"{flag} names {file}, but there is no folder {file.parent}. Make it.")
    if len(set(wanted.values())) < len(wanted):
        raise UserError(f"{' and '.join(wanted)} name the same file. Give each its own.")


def write_text(path: Path, text: str) -> None:
    """A file that is whole or not there."""
    from unroll.training.files import write_whole

    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
    typer.echo(f"Written: {path}", err=True)
