"""`unroll inspect`: gradients, states, gates, attention and embeddings of cells and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.finding_options import (
    Csv,
    Device,
    Out,
    OwnData,
    Png,
    Reported,
    Svg,
    given_flags,
    given_values,
    load_run,
    reports_finding,
)
from unroll.cli.findings import as_flags, checked_files, report_finding, write_files
from unroll.cli.inspect_gradients import gradients, summands
from unroll.cli.inspect_states import predictions, set_unit, states
from unroll.cli.output import say
from unroll.cli.run_options import AsJson, Overwrite, RunPath, TrustCode, text_given

app = typer.Typer(no_args_is_help=True, help="Inspect a cell or a run, in numbers and pictures.")


@app.callback()
def inspect() -> None:
    """Inspect a cell or a run, in numbers and pictures."""


app.command("gradients")(gradients)
app.command("summands")(summands)


@app.command("cell")
@reports_finding("cell.html")
def cell(
    name: Annotated[
        str, typer.Argument(metavar="CELL", help="A name of `unroll cells`, or FILE.py:CLASS.")
    ] = "lstm",
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="Its letters are the inputs. Default: hello."),
    ] = None,
    numbers: Annotated[
        str | None,
        typer.Option(
            help="Inputs of numbers in place of TEXT, one step a line.", metavar="FILE.csv"
        ),
    ] = None,
    hidden: Annotated[int | None, typer.Option(help="Units. Default: 3.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the weights. Default: 1.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="counter (an LSTM: a adds 1, b takes 1 away), or weights by name, JSON or safetensors.",
            metavar="counter|FILE",
        ),
    ] = None,
    notation: Annotated[
        str | None,
        typer.Option(help="Letters of the equations: torch, karpathy, olah, ng, wildml."),
    ] = None,
    at: Annotated[
        int | None, typer.Option(help="The step that pictures show. Default: the last.")
    ] = None,
    cell_options: Annotated[
        str | None, typer.Option(help="Further arguments of the cell.", metavar="JSON")
    ] = None,
) -> Reported:
    """Walk through a cell step by step: every gate and state as numbers, and as figures."""
    given = given_values(
        numbers=numbers,
        hidden=hidden,
        seed=seed,
        weights=weights,
        notation=notation,
        at=at,
        cell_options=cell_options,
    )
    from unroll.inspect import walk_of_cell

    finding = walk_of_cell(name, text, **given)
    words = [name] if text is None else [name, text]
    command = ["unroll", "inspect", "cell", *words, *as_flags(given)]
    return Reported(finding, command)


app.command("states")(states)
app.command("set-unit")(set_unit)
app.command("predictions")(predictions)


@app.command("gates")
@reports_finding("gates.html")
def gates(
    path: RunPath,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Data of the kind it was trained on.")
    ],
    steps: Annotated[int, typer.Option(help="About how many steps are read.")] = 10_000,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show how often the gates of every unit are closed (under 0.1) or open (over 0.9)."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import gates_of_run

    finding = gates_of_run(run, data, steps=steps)
    command = ["unroll", "inspect", "gates", path, data, *given_flags(steps=steps, device=device)]
    return Reported(finding, command)


@app.command("attention")
@reports_finding("attention.html")
def attention(
    path: RunPath,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="An input, as predict --input takes it.")
    ],
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show the attention of a translator or captioner, or the attributions of a classification."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import attention_of_run

    finding = attention_of_run(run, text_given(text))
    command = ["unroll", "inspect", "attention", path, text, *given_flags(device=device)]
    return Reported(finding, command)


@app.command("vectors")
@reports_finding("vectors.html")
def vectors(
    path: RunPath,
    near: Annotated[
        list[str] | None,
        typer.Option("--near", help="A token; may be repeated. Default: frequent tokens."),
    ] = None,
    top: Annotated[int, typer.Option(help="How many neighbours of each token.")] = 10,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show the nearest neighbours of tokens in the embeddings of a run."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import vectors_of_run

    finding = vectors_of_run(run, near or [], top=top)
    command = [
        "unroll",
        "inspect",
        "vectors",
        path,
        *given_flags(near=near, top=top, device=device),
    ]
    return Reported(finding, command)


@app.command("results")
@reports_finding("results.html")
def results(
    path: RunPath,
    data: OwnData = None,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show what a run gets right and wrong on its validation set, in the pictures of its task."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import results_of_run

    finding = results_of_run(run, data, lambda sentence: say(sentence, err=True))
    command = [
        "unroll",
        "inspect",
        "results",
        *filter(None, (path, data)),
        *given_flags(device=device),
    ]
    return Reported(finding, command)


@app.command("report")
def report(
    path: RunPath,
    data: OwnData = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Write every inspection on one page that works offline: RUN/report.html, or --out FILE."""
    wanted = {"--out": out, "--svg": svg, "--csv": csv, "--png": png}
    if not json and not any(wanted.values()):
        wanted["--out"] = str(Path(path) / "report.html")
        overwrite = True  # the report of an earlier call
    run = load_run(path, device, trust_code)
    files = checked_files(wanted, overwrite)
    from unroll.inspect import report_of_run

    finding = report_of_run(run, data, lambda name: say(f"Inspecting {name}.", err=True))
    command = [
        "unroll",
        "inspect",
        "report",
        *filter(None, (path, data)),
        *given_flags(device=device),
    ]
    if json:
        report_finding(finding, command, files, json, "report.html")
        return
    write_files(finding, command, files)
    for sentence in finding.missing:
        say(f"Not shown: {sentence}", err=True)
