"""`unroll inspect states`, `set-unit` and `predictions`: what units tell and cause, what is predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.finding_options import Device, Reported, given_flags, load_run, reports_finding
from unroll.cli.output import say
from unroll.cli.run_options import Condition, RunPath, TrustCode, text_given
from unroll.errors import UserError


@reports_finding("states.html")
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
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            help="A label that units may tell: 1 inside a match; count(REGEX)-count(REGEX); the words "
            "and labels of a FILE, or NAME=@FILE:COLUMN:VALUE. May be repeated; TEXT may be left out.",
            metavar="NAME=REGEX|FILE",
        ),
    ] = None,
    condition: Condition = None,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show the activation of units over a text: language models, classifiers, taggers, translators."""
    if (text is None) == (file is None) and not (text is None and probe):
        given = "both TEXT and --file" if text is not None else "neither TEXT nor --file"
        raise UserError(f"inspect states got {given}; expected one of them.")
    run = load_run(path, device, trust_code)
    value = text_given(text) if text is not None else file and read_text_file(file)
    texts = [] if text is None else [text]
    from unroll.inspect import states_of_run

    finding = states_of_run(
        run,
        value,
        condition=condition,
        score_on=score_on,
        probes=probe or [],
        log=lambda line: say(line, err=True),
    )
    flags = given_flags(
        file=file, score_on=score_on, probe=probe, condition=condition, device=device
    )
    command = ["unroll", "inspect", "states", path, *texts, *flags]
    return Reported(finding, command)


@reports_finding("units.html")
def set_unit(
    path: RunPath,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The text to read; - reads standard input.")
    ],
    units: Annotated[
        list[str],
        typer.Argument(
            metavar="UNIT=VALUE...", help="c[20]=1.0; layer 2 c[20]=1.0 where there are several."
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(
            help="After which token: a number, or a word. Default: the last but one.",
            metavar="STEP|WORD",
        ),
    ] = None,
    condition: Condition = None,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Set units of a language model by hand while it reads, and show what it predicts then."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import intervention_of_run

    finding = intervention_of_run(run, text_given(text), units, at, condition)
    flags = given_flags(at=at, condition=condition, device=device)
    command = ["unroll", "inspect", "set-unit", path, text, *units, *flags]
    return Reported(finding, command)


@reports_finding("predictions.html")
def predictions(
    path: RunPath,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Data of the kind it was trained on; of a language model also a text. Default: the data "
            "of the run.",
        ),
    ] = None,
    condition: Condition = None,
    device: Device = None,
    trust_code: TrustCode = False,
) -> Reported:
    """Show what a run predicts beside what is actual, errors marked."""
    run = load_run(path, device, trust_code)
    from unroll.inspect import predictions_of_run

    finding = predictions_of_run(
        run, data, condition=condition, log=lambda line: say(line, err=True)
    )
    flags = given_flags(condition=condition, device=device)
    command = ["unroll", "inspect", "predictions", path, *filter(None, (data,)), *flags]
    return Reported(finding, command)


def read_text_file(file: str) -> str:
    """The text of a file.

    Raises:
        UserError: for a file that cannot be read as UTF-8.
    """
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as text: {error}.") from error
