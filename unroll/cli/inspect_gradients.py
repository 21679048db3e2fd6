"""`unroll inspect gradients` and `unroll inspect summands`: of fresh cells, or in a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.finding_options import Device, Reported, given_values, load_run, reports_finding
from unroll.cli.findings import as_flags, progress_by_name
from unroll.cli.run_options import Condition, TrustCode, text_given
from unroll.errors import UserError
from unroll.terminal import shortened

if TYPE_CHECKING:
    from unroll.inspect import Finding, Gradients

CELLS = "rnn,irnn,lstm,gru"
# flags that a RUN takes, over DATA and over --text
RUN_FLAGS = ("length", "batch", "noise", "seed", "at", "device", "trust_code")
TEXT_FLAGS = ("at", "text", "condition", "device", "trust_code")

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
        help="The same start for all cells that have none of their own: auto (orthogonal), torch, "
        "xavier, he, identity."
    ),
]
OwnStart = Annotated[
    bool, typer.Option("--own-start", help="Each cell starts as unroll train starts it.")
]
Gain = Annotated[float | None, typer.Option(help="A factor of the recurrent weights. Default: 1.")]
ForgetBias = Annotated[
    float | None, typer.Option(help="Of all cells with a forget gate. Default: 1.")
]
Inputs = Annotated[
    float | None, typer.Option(help="Standard deviation of the inputs, from 0. Default: 1.")
]
Noise = Annotated[
    bool, typer.Option("--noise", help="Put white noise in at the loss in place of an error.")
]
At = Annotated[
    str | None,
    typer.Option(
        help="Whose loss: a word of the text, a label, or a step. Default: the last.",
        metavar="WORD|LABEL|STEP",
    ),
]
Text = Annotated[
    str | None,
    typer.Option(
        help="Read this text with the RUN in place of DATA, and show the gradient at every word."
    ),
]
Clip = Annotated[float | None, typer.Option(help="Clip the gradient of the weights to this norm.")]


@reports_finding("gradients.html")
def gradients(
    path: OptionalRun = None,
    data: OptionalData = None,
    at: At = None,
    text: Text = None,
    condition: Condition = None,
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
    own_start: OwnStart = False,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show how far back the gradient of a loss flows: in fresh cells, or in a RUN over DATA."""
    given = given_values(
        at=at,
        text=text,
        condition=condition,
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
        own_start=own_start or None,
        device=device,
        trust_code=trust_code or None,
    )
    if path is None:
        finding: Finding = cell_gradients(given)
    elif text is not None:
        finding = text_gradients(path, data, given)
    else:
        finding = run_gradients(path, data, given)
    command = ["unroll", "inspect", "gradients", *filter(None, (path, data)), *as_flags(given)]
    return Reported(finding, command)


@reports_finding("summands.html")
def summands(
    name: Annotated[
        str,
        typer.Argument(
            metavar="CELL|RUN", help="A name of `unroll cells`, FILE.py:CLASS, or a run folder."
        ),
    ] = "rnn",
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="What is read. Default: hello. A RUN needs one."),
    ] = None,
    at: At = None,
    hidden: Annotated[int | None, typer.Option(help="Units of a fresh cell. Default: 3.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of fresh weights. Default: 1.")] = None,
    cell_options: Annotated[
        str | None, typer.Option(help="Further arguments of the cell.", metavar="JSON")
    ] = None,
    condition: Condition = None,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show backpropagation through time as a sum: what each step adds to the gradient of the weights."""
    for_cells = given_values(hidden=hidden, seed=seed, cell_options=cell_options)
    for_runs = given_values(condition=condition, device=device, trust_code=trust_code or None)
    is_run = Path(name).is_dir()
    refuse_flags(for_cells if is_run else for_runs, name, is_run)
    from unroll.inspect import summands_of_cell, summands_of_run

    finding: Finding
    if is_run:
        if text is None:
            raise UserError(
                f"inspect summands got the run {name} and no TEXT; expected a text that it reads: unroll "
                f'inspect summands {shlex.quote(name)} "some words"'
            )
        run = load_run(name, device, trust_code)
        finding = summands_of_run(run, text_given(text), at=at, condition=condition)
    else:
        step = None if at is None else whole_step(at)
        finding = summands_of_cell(name, "hello" if text is None else text, at=step, **for_cells)
    words = [name] if text is None else [name, text]
    flags = as_flags({**given_values(at=at), **for_cells, **for_runs})
    return Reported(finding, ["unroll", "inspect", "summands", *words, *flags])


def refuse_flags(given: dict[str, Any], name: str, is_run: bool) -> None:
    """Raise UserError for a flag that is not for what was named.

    Args:
        given: flags of the other kind that were given.
        name: of the cell or the run folder.
        is_run: whether it is a run.
    """
    if given:
        flag = next(iter(given)).replace("_", "-")
        of, what = ("fresh cells", "a run") if is_run else ("a RUN", "no run folder")
        raise UserError(f"--{flag} is for {of}, and {name} is {what}. Leave one of them out.")


def whole_step(at: str) -> int:
    """The number of a step of a fresh cell.

    Raises:
        UserError: for a word.
    """
    if not at.isdecimal():
        raise UserError(
            f"--at got {shortened(repr(at), 40)}; expected the number of a step: a fresh cell knows no words."
        )
    return int(at)


def cell_gradients(given: dict[str, Any]) -> Gradients:
    """The gradients of fresh cells.

    Raises:
        UserError: for a flag of runs, and values that are out of range.
    """
    for_runs = [name for name in TEXT_FLAGS if name in given]
    if for_runs:
        raise UserError(
            f"--{for_runs[0].replace('_', '-')} is for a RUN. Leave the flag out, or name a run."
        )
    names = [name.strip() for name in given.get("cells", CELLS).split(",") if name.strip()]
    import torch

    from unroll.inspect import gradients_of_cells

    torch.set_num_threads(1)  # cells of this size are slower on several threads
    wanted = {k: v for k, v in given.items() if k != "cells"}
    return gradients_of_cells(names, **wanted, progress=progress_by_name())


def run_gradients(path: str, data: str | None, given: dict[str, Any]) -> Gradients:
    """The gradients in a trained model.

    Raises:
        UserError: without data, for a flag of fresh cells, and for what the run cannot read.
    """
    if data is None:
        raise UserError(
            f"inspect gradients got the run {path} and no DATA; expected data of the kind that "
            f"it was trained on: unroll inspect gradients {shlex.quote(path)} FILE, or --text TEXT."
        )
    wrong = [name for name in given if name not in RUN_FLAGS]
    if wrong:
        raise UserError(
            f"--{wrong[0].replace('_', '-')} is for fresh cells, and {path} is a run. Leave "
            "one of them out."
        )
    run = load_run(path, given.get("device"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_run

    wanted = ("length", "batch", "noise", "seed", "at")
    return gradients_of_run(run, data, **{name: given[name] for name in wanted if name in given})


def text_gradients(path: str, data: str | None, given: dict[str, Any]) -> Finding:
    """The gradient at every word of a text that a trained model reads.

    Raises:
        UserError: with data besides, for a flag of anything else, and for what the run cannot read.
    """
    if data is not None:
        raise UserError(f"Both the file {data} and --text were given; expected one of them.")
    wrong = [name for name in given if name not in TEXT_FLAGS]
    if wrong:
        raise UserError(
            f"--{wrong[0].replace('_', '-')} does not go with --text, which is read as it is. Leave one of "
            "them out."
        )
    run = load_run(path, given.get("device"), given.get("trust_code", False))
    from unroll.inspect import gradients_of_word

    return gradients_of_word(
        run, text_given(given["text"]), at=given.get("at"), condition=given.get("condition")
    )
