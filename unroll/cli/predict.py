"""`unroll predict`."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli.output import check_new, say, say_json, write_file, write_lines
from unroll.cli.run_options import (
    AsJson,
    Device,
    Overwrite,
    RunAssignments,
    RunPath,
    SkipBad,
    TrustCode,
    adjust,
    open_run,
)
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path

if TYPE_CHECKING:
    from unroll.tasks.run import Run

SEPARATORS = {".csv": ",", ".tsv": "\t"}  # of tables that are written


def predict(
    path: RunPath,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A file of the form it was trained on.")
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="An input; may be repeated.", metavar="TEXT"),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="Write there: .csv or .tsv a table with the columns of DATA, .jsonl JSON lines, .svg a "
            "plot, any other what is printed.",
            metavar="FILE",
        ),
    ] = None,
    overwrite: Overwrite = False,
    skip_bad: SkipBad = False,
    assignments: RunAssignments = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Predict with a run, for the records of a file or for what --input gives."""
    if (data is None) == (not inputs):
        given = "both DATA and --input" if inputs else "neither DATA nor --input"
        raise UserError(f"predict got {given}; expected one of them.")
    if data is not None:
        refuse_impossible_path(data, "DATA")
    file = None if out is None else Path(out)
    if file is not None:
        check_new(file, overwrite)
    run = open_run(path, device, trust_code)
    adjust(run, skip_bad, assignments)
    if file is not None and file.suffix == ".svg":
        if data is None:
            raise UserError("A plot shows the predictions for a file; got --input. Give DATA.")
        write_file(file, run.plot(data).encode())
        say(f"Plotted in {file}", err=True)
        return
    predictions = run.predict_file(data) if data is not None else run.predict_iterator(inputs or [])
    if file is None:
        for prediction in predictions:
            if json:
                say_json(prediction)
            else:
                say(run.format_prediction(prediction))
    else:
        write_predictions(file, run, data, predictions, as_json=json or file.suffix == ".jsonl")


def write_predictions(
    file: Path, run: Run, data: str | None, predictions: Iterator[dict[str, Any]], *, as_json: bool
) -> None:
    """Write predictions in the form that the name of the file tells.

    Args:
        file: a .csv or .tsv as a table, anything else as lines.
        run: made the predictions.
        data: the file of the inputs, or None.
        predictions: in order.
        as_json: whether lines are JSON.
    """
    separator = SEPARATORS.get(file.suffix.lower())
    if separator is not None and not as_json:
        from unroll.cli.prediction_table import prediction_table

        text, count, message = prediction_table(run, data, predictions, separator)
        if message is not None:
            say(message, err=True)
        write_file(file, text.encode())
        say(f"{count:,} predictions written to {file}", err=True)
        return
    lines = (
        json_module.dumps(prediction, ensure_ascii=False)
        if as_json
        else run.format_prediction(prediction)
        for prediction in predictions
    )
    write_lines(file, lines, "predictions")
