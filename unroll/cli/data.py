"""`unroll data check`: what is in a file, before anything is trained on it."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Any

import typer

from unroll.settings import parse_assignments, settings_from
from unroll.tasks import guess_task, settings_of

app = typer.Typer(no_args_is_help=True, help="Look at data before training.")


@app.callback()
def data() -> None:
    """Look at data before training."""


@app.command("check")
def check(
    data: Annotated[str, typer.Argument(metavar="DATA", help="What you would train on.")],
    task: Annotated[
        str | None, typer.Option(help="The task; left out, guessed.", metavar="TASK")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.")] = None,
    video: Annotated[str | None, typer.Option(help="Column of the clip.")] = None,
    target: Annotated[str | None, typer.Option(help="Column or file of the other side.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time.")] = None,
    by: Annotated[str | None, typer.Option(help="Column that names the series.")] = None,
    horizon: Annotated[str | None, typer.Option(help="Steps to forecast.")] = None,
    history: Annotated[str | None, typer.Option(help="Steps that a forecast reads.")] = None,
    covariates: Annotated[
        str | None, typer.Option(help="Columns that a forecast reads beside the target.")
    ] = None,
    valid: Annotated[str | None, typer.Option(help="Held-out data, as in train.")] = None,
    audio: Annotated[str | None, typer.Option(help="Column of the sound's path.")] = None,
    image: Annotated[str | None, typer.Option(help="Column of the image's path.")] = None,
    strokes: Annotated[str | None, typer.Option(help="Column of the strokes' path.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as key=value.", metavar="KEY=VALUE"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Rows, lengths, labels, unknown words, what is bad and what will be cut; exit code 1 if bad."""
    values: dict[str, Any] = {
        "text": text, "label": label, "target": target, "time": time, "by": by, "horizon": horizon,
        "history": history, "covariates": covariates, "valid": valid,
        "audio": audio, "image": image, "strokes": strokes, "video": video,
    }  # fmt: skip
    values = {name: value for name, value in values.items() if value is not None}
    values |= parse_assignments(assignments or [])
    settings_from(settings_of(task or guess_task(data, values)[0]), values)

    from unroll.run import check as check_data
    from unroll.run import facts_in_words

    found = check_data(data, lambda sentence: typer.echo(sentence, err=True), task=task, **values)
    if json:
        typer.echo(json_module.dumps(found, ensure_ascii=False))
    else:
        for line in facts_in_words(found):
            typer.echo(line)
    if found.get("problems"):
        raise typer.Exit(1)
