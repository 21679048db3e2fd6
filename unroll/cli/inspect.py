"""`unroll inspect`: what goes on inside a cell or a run, in numbers and pictures."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.findings import checked_files, flags, tell, tell_files
from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.inspect import Gradients
    from unroll.run import Run

CELLS = "rnn,irnn,lstm,gru"
OF_RUNS = ("length", "batch", "noise", "seed", "device", "trust_code")  # the flags that a RUN takes

RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Out = Annotated[
    str | None, typer.Option(help="A page with pictures; works offline.", metavar="FILE.html")
]
Svg = Annotated[
    str | None,
    typer.Option(help="The picture; a folder gets every picture.", metavar="FILE.svg|FOLDER"),
]
Csv = Annotated[str | None, typer.Option(help="Its numbers.", metavar="FILE.csv|FOLDER")]
Png = Annotated[str | None, typer.Option(help="It as pixels.", metavar="FILE.png|FOLDER")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over files that are there.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Device = Annotated[str | None, typer.Option(help="Where a run is loaded: cpu, cuda.")]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Run the cell.py in the run, a cell of its own.")
]

app = typer.Typer(no_args_is_help=True, help="Look inside a cell or a run.")


@app.callback()
def inspect() -> None:
    """Look inside a cell or a run."""


@app.command("gradients")
def gradients(
    path: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run folder.")] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="Data to follow it in.")
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
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
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
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    found = of_cells(given) if path is None else of_run(path, data, given)
    words = ["unroll", "inspect", "gradients", *filter(None, (path, data)), *flags(given)]
    tell(found, words, wanted, json, "gradients.html")


@app.command("states")
def states(
    path: RunPath,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text to read.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="Read a file instead.", metavar="FILE")
    ] = None,
    score_on: Annotated[
        str | None,
        typer.Option(help="A text on which units are scored; left out, the run's own data."),
    ] = None,
    condition: Annotated[
        str | None, typer.Option(help="The category, for a run trained with --condition.")
    ] = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """What single units do while a model reads a text: language, classify, tag, translate."""
    if (text is None) == (file is None):
        what = "both a text and --file" if text is not None else "neither a text nor --file"
        raise UserError(f"inspect states got {what}; expected one of them.")
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = opened_run(path, device, trust_code)
    from unroll.inspect import states_of_run

    read = text if text is not None else text_of(str(file))
    found = states_of_run(run, read, condition=condition, score_on=score_on)
    given = flags_of(file=file, score_on=score_on, condition=condition, device=device)
    words = ["unroll", "inspect", "states", path, *([text] if text is not None else []), *given]
    tell(found, words, wanted, json, "states.html")


@app.command("gates")
def gates(
    path: RunPath,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Data as it was trained on.")],
    steps: Annotated[int, typer.Option(help="Steps of sequences that are read, about.")] = 10_000,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """How often the gates of every unit are shut (under 0.1) or open (over 0.9)."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = opened_run(path, device, trust_code)
    from unroll.inspect import gates_of_run

    found = gates_of_run(run, data, steps=steps)
    words = ["unroll", "inspect", "gates", path, data, *flags_of(steps=steps, device=device)]
    tell(found, words, wanted, json, "gates.html")


@app.command("attention")
def attention(
    path: RunPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What predict --input takes.")],
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """What an answer looked at: a translation's alignment, the words a classification rests on."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = opened_run(path, device, trust_code)
    from unroll.inspect import attention_of_run

    found = attention_of_run(run, text)
    words = ["unroll", "inspect", "attention", path, text, *flags_of(device=device)]
    tell(found, words, wanted, json, "attention.html")


@app.command("vectors")
def vectors(
    path: RunPath,
    near: Annotated[
        list[str] | None,
        typer.Option("--near", help="A token; may come again; left out, common ones."),
    ] = None,
    top: Annotated[int, typer.Option(help="How many neighbours of each.")] = 10,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """The nearest neighbours of a word, or any token, in what the run has embedded."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = opened_run(path, device, trust_code)
    from unroll.inspect import vectors_of_run

    found = vectors_of_run(run, near or [], top=top)
    words = ["unroll", "inspect", "vectors", path, *flags_of(near=near, top=top, device=device)]
    tell(found, words, wanted, json, "vectors.html")


@app.command("report")
def report(
    path: RunPath,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Data as it was trained on; left out, its own."),
    ] = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """All of it on one page that works offline: RUN/report.html, unless --out says otherwise."""
    files = {"--out": out, "--svg": svg, "--csv": csv, "--png": png}
    if not json and not any(files.values()):
        files["--out"] = str(Path(path) / "report.html")
        overwrite = True  # a report of the same run
    run = opened_run(path, device, trust_code)
    wanted = checked_files(files, overwrite)
    from unroll.inspect import report_of_run

    found = report_of_run(run, data, lambda name: typer.echo(f"Looking at {name}.", err=True))
    words = ["unroll", "inspect", "report", *filter(None, (path, data)), *flags_of(device=device)]
    if json:
        tell(found, words, wanted, json, "report.html")
        return
    tell_files(found, words, wanted)
    for sentence in found.missing:
        typer.echo(f"Not shown: {sentence}", err=True)


def text_of(file: str) -> str:
    """The text of a file.

    Raises: UserError where it cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as text: {error}.") from error


def flags_of(**given: Any) -> list[str]:
    """What was given, as one would type it."""
    return flags({name: value for name, value in given.items() if value is not None})


def opened_run(path: str, device: str | None, trust_code: bool) -> Run:
    """The run at a path."""
    from unroll.cli.run_options import open_run

    return open_run(path, device or "cpu", trust_code)


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
            f"inspect gradients got the run {path} and no DATA; expected data to follow the "
            f"gradient in: unroll inspect gradients {shlex.quote(path)} FILE"
        )
    wrong = [name for name in given if name not in OF_RUNS]
    if wrong:
        raise UserError(
            f"--{wrong[0].replace('_', '-')} is for fresh cells, and {path} is a run, which has its "
            "own. Leave one of them out."
        )
    run = opened_run(path, given.get("device"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_run

    sizes = {name: given[name] for name in ("length", "batch", "noise", "seed") if name in given}
    return gradients_of_run(run, data, **sizes)
