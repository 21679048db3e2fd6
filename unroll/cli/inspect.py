"""`unroll inspect`: what happens inside a cell or a run, in numbers and plots."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.findings import checked_files, flags, report_finding, write_files
from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.inspect import Gradients
    from unroll.run import Run

CELLS = "rnn,irnn,lstm,gru"
OF_RUNS = ("length", "batch", "noise", "seed", "device", "trust_code")  # the flags that a RUN takes

RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
Out = Annotated[
    str | None, typer.Option(help="A page with the plots; works offline.", metavar="FILE.html")
]
Svg = Annotated[
    str | None,
    typer.Option(help="The plot; a folder gets every plot.", metavar="FILE.svg|FOLDER"),
]
Csv = Annotated[
    str | None, typer.Option(help="The numbers of the plot.", metavar="FILE.csv|FOLDER")
]
Png = Annotated[str | None, typer.Option(help="The plot as pixels.", metavar="FILE.png|FOLDER")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Device = Annotated[str | None, typer.Option(help="Where a run is loaded: cpu, cuda.")]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Run the cell.py in the run folder, a cell of its own.")
]

app = typer.Typer(no_args_is_help=True, help="Look inside a cell or a run.")


@app.callback()
def inspect() -> None:
    """Look inside a cell or a run."""


@app.command("gradients")
def gradients(
    path: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run folder.")] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="Data to follow the gradient in.")
    ] = None,
    cells: Annotated[
        str | None,
        typer.Option(help=f"Fresh cells, by name or FILE.py:CLASS; left out, {CELLS}."),
    ] = None,
    length: Annotated[
        int | None, typer.Option(help="Steps before the loss: 200, or 100 in a run.")
    ] = None,
    hidden: Annotated[int | None, typer.Option(help="Units, and size of the inputs: 64.")] = None,
    batch: Annotated[int | None, typer.Option(help="Sequences side by side: 8.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of weights, inputs and targets: 1.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Initialisation of lstm, gru, rnn: auto, torch, orthogonal, xavier, he, identity."
        ),
    ] = None,
    gain: Annotated[float | None, typer.Option(help="Factor of the recurrent weights: 1.")] = None,
    forget_bias: Annotated[
        float | None, typer.Option(help="Forget bias of LSTM cells; left out, as --init has it.")
    ] = None,
    inputs: Annotated[
        float | None, typer.Option(help="Standard deviation of the inputs: 1.")
    ] = None,
    noise: Annotated[
        bool,
        typer.Option("--noise", help="Start from white noise at the loss instead of an error."),
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
    """Show how far back the gradient of a loss goes, step by step: in fresh cells, or in a RUN."""
    given = {
        "cells": cells, "length": length, "hidden": hidden, "batch": batch, "seed": seed,
        "init": init, "gain": gain, "forget_bias": forget_bias, "inputs": inputs,
        "noise": noise or None, "clip": clip, "device": device, "trust_code": trust_code or None,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    finding = (
        gradients_of_fresh_cells(given) if path is None else trained_gradients(path, data, given)
    )
    words = ["unroll", "inspect", "gradients", *filter(None, (path, data)), *flags(given)]
    report_finding(finding, words, wanted, json, "gradients.html")


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
    """Show what single units do while a model reads a text: language, classify, tag, translate."""
    if (text is None) == (file is None):
        what = "both a text and --file" if text is not None else "neither a text nor --file"
        raise UserError(f"inspect states got {what}; expected one of them.")
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = open_given_run(path, device, trust_code)
    from unroll.inspect import states_of_run

    read = text if text is not None else text_of(str(file))
    finding = states_of_run(run, read, condition=condition, score_on=score_on)
    given = flags_of(file=file, score_on=score_on, condition=condition, device=device)
    words = ["unroll", "inspect", "states", path, *([text] if text is not None else []), *given]
    report_finding(finding, words, wanted, json, "states.html")


@app.command("gates")
def gates(
    path: RunPath,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Data of the form it was trained on.")
    ],
    steps: Annotated[
        int, typer.Option(help="About how many steps of sequences are read.")
    ] = 10_000,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show how often the gates of every unit are closed (under 0.1) or open (over 0.9)."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = open_given_run(path, device, trust_code)
    from unroll.inspect import gates_of_run

    finding = gates_of_run(run, data, steps=steps)
    words = ["unroll", "inspect", "gates", path, data, *flags_of(steps=steps, device=device)]
    report_finding(finding, words, wanted, json, "gates.html")


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
    """Show what a prediction rests on: the alignment of a translation, the words of a classification."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = open_given_run(path, device, trust_code)
    from unroll.inspect import attention_of_run

    finding = attention_of_run(run, text)
    words = ["unroll", "inspect", "attention", path, text, *flags_of(device=device)]
    report_finding(finding, words, wanted, json, "attention.html")


@app.command("vectors")
def vectors(
    path: RunPath,
    near: Annotated[
        list[str] | None,
        typer.Option("--near", help="A token; may be repeated; left out, frequent tokens."),
    ] = None,
    top: Annotated[int, typer.Option(help="Neighbours of each.")] = 10,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show the nearest neighbours of a word, or any token, among the embeddings of a run."""
    wanted = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = open_given_run(path, device, trust_code)
    from unroll.inspect import vectors_of_run

    finding = vectors_of_run(run, near or [], top=top)
    words = ["unroll", "inspect", "vectors", path, *flags_of(near=near, top=top, device=device)]
    report_finding(finding, words, wanted, json, "vectors.html")


@app.command("report")
def report(
    path: RunPath,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="Data of the form it was trained on; left out, its own."
        ),
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
    """Write all of it on one page that works offline: RUN/report.html, or --out."""
    files = {"--out": out, "--svg": svg, "--csv": csv, "--png": png}
    if not json and not any(files.values()):
        files["--out"] = str(Path(path) / "report.html")
        overwrite = True  # a report of the same run
    run = open_given_run(path, device, trust_code)
    wanted = checked_files(files, overwrite)
    from unroll.inspect import report_of_run

    finding = report_of_run(run, data, lambda name: typer.echo(f"Inspecting {name}.", err=True))
    words = ["unroll", "inspect", "report", *filter(None, (path, data)), *flags_of(device=device)]
    if json:
        report_finding(finding, words, wanted, json, "report.html")
        return
    write_files(finding, words, wanted)
    for sentence in finding.missing:
        typer.echo(f"Not shown: {sentence}", err=True)


def text_of(file: str) -> str:
    """The text of a file.

    Raises:
        UserError: where it cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as text: {error}.") from error


def flags_of(**given: Any) -> list[str]:
    """The given flags as one types them."""
    return flags({name: value for name, value in given.items() if value is not None})


def open_given_run(path: str, device: str | None, trust_code: bool) -> Run:
    """The run at a path; device: None: the CPU."""
    from unroll.cli.run_options import open_run

    return open_run(path, device or "cpu", trust_code)


def gradients_of_fresh_cells(given: dict[str, Any]) -> Gradients:
    """The gradients in fresh cells, as the given flags say.

    Raises:
        UserError: for a flag of runs.
    """
    for_runs = [name for name in ("device", "trust_code") if name in given]
    if for_runs:
        raise UserError(f"--{for_runs[0].replace('_', '-')} is for a RUN. Leave it out.")
    names = [name.strip() for name in given.get("cells", CELLS).split(",") if name.strip()]
    import torch

    from unroll.inspect import gradients_of_cells

    torch.set_num_threads(1)  # cells of this size are slower on several
    return gradients_of_cells(names, **{k: v for k, v in given.items() if k != "cells"})


def trained_gradients(path: str, data: str | None, given: dict[str, Any]) -> Gradients:
    """The gradients in a trained model, as the given flags say.

    Raises:
        UserError: without data, or for a flag of fresh cells.
    """
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
    run = open_given_run(path, given.get("device"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_run

    sizes = {name: given[name] for name in ("length", "batch", "noise", "seed") if name in given}
    return gradients_of_run(run, data, **sizes)
