"""`unroll inspect`: gradients, states, gates, attention and embeddings of cells and runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.findings import as_flags, checked_files, report_finding, write_files
from unroll.cli.output import say
from unroll.cli.run_options import AsJson, Condition, Overwrite, RunPath, TrustCode, text_given
from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.inspect import Gradients
    from unroll.run import Run

CELLS = "rnn,irnn,lstm,gru"
RUN_FLAGS = ("length", "batch", "noise", "seed", "device", "trust_code")  # that a RUN takes

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

# of `gradients` alone
OptionalRun = Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run folder.")]
OptionalData = Annotated[
    str | None, typer.Argument(metavar="[DATA]", help="Data of the kind it was trained on.")
]
Cells = Annotated[
    str | None,
    typer.Option(help=f"Fresh cells, by name or FILE.py:CLASS. Default: {CELLS}."),
]
Length = Annotated[
    int | None, typer.Option(help="Steps before the loss. Default: 200, or 100 for a RUN.")
]
Hidden = Annotated[int | None, typer.Option(help="Units and inputs of each cell. Default: 64.")]
Batch = Annotated[int | None, typer.Option(help="Sequences side by side. Default: 8.")]
Seed = Annotated[int | None, typer.Option(help="Of weights, inputs and targets. Default: 1.")]
Init = Annotated[
    str | None,
    typer.Option(
        help="Initialisation of lstm, gru, rnn: auto, torch, orthogonal, xavier, he, identity."
    ),
]
Gain = Annotated[float | None, typer.Option(help="A factor of the recurrent weights. Default: 1.")]
ForgetBias = Annotated[float | None, typer.Option(help="Of LSTM cells. Default: as --init.")]
Inputs = Annotated[
    float | None, typer.Option(help="Standard deviation of the inputs, from 0. Default: 1.")
]
Noise = Annotated[
    bool, typer.Option("--noise", help="Put white noise in at the loss in place of an error.")
]
Clip = Annotated[float | None, typer.Option(help="Clip the gradient of the weights to this norm.")]

app = typer.Typer(no_args_is_help=True, help="Inspect a cell or a run, in numbers and pictures.")


@app.callback()
def inspect() -> None:
    """Inspect a cell or a run, in numbers and pictures."""


@app.command("gradients")
def gradients(
    path: OptionalRun = None,
    data: OptionalData = None,
    cells: Cells = None,
    length: Length = None,
    hidden: Hidden = None,
    batch: Batch = None,
    seed: Seed = None,
    init: Init = None,
    gain: Gain = None,
    forget_bias: ForgetBias = None,
    inputs: Inputs = None,
    noise: Noise = False,
    clip: Clip = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show how far back the gradient of a loss flows: in fresh cells, or in a RUN over DATA."""
    given = given_values(
        cells=cells,
        length=length,
        hidden=hidden,
        batch=batch,
        seed=seed,
        init=init,
        gain=gain,
        forget_bias=forget_bias,
        inputs=inputs,
        noise=noise or None,
        clip=clip,
        device=device,
        trust_code=trust_code or None,
    )
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    finding = cell_gradients(given) if path is None else run_gradients(path, data, given)
    command = ["unroll", "inspect", "gradients", *filter(None, (path, data)), *as_flags(given)]
    report_finding(finding, command, files, json, "gradients.html")


@app.command("cell")
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
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
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
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    from unroll.inspect import walk_of_cell

    finding = walk_of_cell(name, text, **given)
    words = [name] if text is None else [name, text]
    command = ["unroll", "inspect", "cell", *words, *as_flags(given)]
    report_finding(finding, command, files, json, "cell.html")


@app.command("states")
def states(
    path: RunPath,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text to read; - reads standard input.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="Read this file in place of TEXT.", metavar="FILE")
    ] = None,
    score_on: Annotated[
        str | None,
        typer.Option(help="A file on which units are scored. Default: the data of the run."),
    ] = None,
    condition: Condition = None,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show the activation of units over a text: language models, classifiers, taggers, translators."""
    if (text is None) == (file is None):
        given = "both TEXT and --file" if text is not None else "neither TEXT nor --file"
        raise UserError(f"inspect states got {given}; expected one of them.")
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = load_run(path, device, trust_code)
    from unroll.inspect import states_of_run

    value = text_given(text) if text is not None else read_text_file(str(file))
    finding = states_of_run(run, value, condition=condition, score_on=score_on)
    flags = given_flags(file=file, score_on=score_on, condition=condition, device=device)
    texts = [] if text is None else [text]
    command = ["unroll", "inspect", "states", path, *texts, *flags]
    report_finding(finding, command, files, json, "states.html")


@app.command("gates")
def gates(
    path: RunPath,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Data of the kind it was trained on.")
    ],
    steps: Annotated[int, typer.Option(help="About how many steps are read.")] = 10_000,
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
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = load_run(path, device, trust_code)
    from unroll.inspect import gates_of_run

    finding = gates_of_run(run, data, steps=steps)
    command = ["unroll", "inspect", "gates", path, data, *given_flags(steps=steps, device=device)]
    report_finding(finding, command, files, json, "gates.html")


@app.command("attention")
def attention(
    path: RunPath,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="An input, as predict --input takes it.")
    ],
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show the attention of a translator or captioner, or the attributions of a classification."""
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
    run = load_run(path, device, trust_code)
    from unroll.inspect import attention_of_run

    finding = attention_of_run(run, text_given(text))
    command = ["unroll", "inspect", "attention", path, text, *given_flags(device=device)]
    report_finding(finding, command, files, json, "attention.html")


@app.command("vectors")
def vectors(
    path: RunPath,
    near: Annotated[
        list[str] | None,
        typer.Option("--near", help="A token; may be repeated. Default: frequent tokens."),
    ] = None,
    top: Annotated[int, typer.Option(help="How many neighbours of each token.")] = 10,
    out: Out = None,
    svg: Svg = None,
    csv: Csv = None,
    png: Png = None,
    overwrite: Overwrite = False,
    json: AsJson = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> None:
    """Show the nearest neighbours of tokens in the embeddings of a run."""
    files = checked_files({"--out": out, "--svg": svg, "--csv": csv, "--png": png}, overwrite)
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
    report_finding(finding, command, files, json, "vectors.html")


@app.command("report")
def report(
    path: RunPath,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Data of the kind it was trained on. Default: the data of the run.",
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


def read_text_file(file: str) -> str:
    """The text of a file.

    Raises:
        UserError: for a file that cannot be read as UTF-8.
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as text: {error}.") from error


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


def cell_gradients(given: dict[str, Any]) -> Gradients:
    """The gradients of fresh cells.

    Raises:
        UserError: for a flag of runs, and values that are out of range.
    """
    for_runs = [name for name in ("device", "trust_code") if name in given]
    if for_runs:
        raise UserError(
            f"--{for_runs[0].replace('_', '-')} is for a RUN. Leave the flag out, or name a run."
        )
    names = [name.strip() for name in given.get("cells", CELLS).split(",") if name.strip()]
    import torch

    from unroll.inspect import gradients_of_cells

    torch.set_num_threads(1)  # cells of this size are slower on several threads
    return gradients_of_cells(names, **{k: v for k, v in given.items() if k != "cells"})


def run_gradients(path: str, data: str | None, given: dict[str, Any]) -> Gradients:
    """The gradients in a trained model.

    Raises:
        UserError: without data, for a flag of fresh cells, and for what the run cannot read.
    """
    if data is None:
        raise UserError(
            f"inspect gradients got the run {path} and no DATA; expected data of the kind that "
            f"it was trained on: unroll inspect gradients {shlex.quote(path)} FILE"
        )
    wrong = [name for name in given if name not in RUN_FLAGS]
    if wrong:
        raise UserError(
            f"--{wrong[0].replace('_', '-')} is for fresh cells, and {path} is a run. Leave "
            "one of them out."
        )
    run = load_run(path, given.get("device"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_run

    sizes = {name: given[name] for name in ("length", "batch", "noise", "seed") if name in given}
    return gradients_of_run(run, data, **sizes)
