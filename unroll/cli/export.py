"""`unroll export`: a run for programs without unroll and torch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unroll.cli.output import say, say_json
from unroll.cli.run_options import AsJson, RunPath, TrustCode, open_run
from unroll.paths import refuse_impossible_path


class Target(StrEnum):
    """What runs are exported to."""

    onnx = "onnx"


def export(
    path: RunPath,
    to: Annotated[Target, typer.Option(help="The form.")] = Target.onnx,
    out: Annotated[
        str | None,
        typer.Option(help="The folder to make. Default: RUN-onnx beside the run.", metavar="DIR"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a folder that an export made.")
    ] = False,
    json: AsJson = False,
    trust_code: TrustCode = False,
) -> None:
    """Write a run as a folder that needs neither unroll nor torch.

    It has model.onnx, model.json and a predict.py of numpy and onnxruntime, whose answers are compared
    with those of the run before the folder is kept.
    """
    folder = Path(out) if out is not None else Path(path.rstrip("/") + f"-{to}")
    refuse_impossible_path(str(folder), "--out")
    run = open_run(path, "cpu", trust_code)
    from unroll.export.onnx.run import export_run

    if not json:
        say("unroll: comparing the model with the run, as long as 300 steps", err=True)
    found = export_run(run, folder, overwrite=overwrite)
    if json:
        say_json(
            {
                "path": str(found.path),
                "task": found.task,
                "nodes": list(found.nodes),
                "largest_difference": found.difference,
                "largest_difference_of_answers": found.difference_of_answers,
                "files": found.files,
            }
        )
        return
    sizes = ", ".join(f"{name} {size:,} bytes" for name, size in found.files.items())
    say(f"{found.path}: {sizes}")
    say(f"Recurrent layers: {', '.join(found.nodes)}.")
    say(
        f"Largest difference: {found.difference:.1e} of the network (T 1, 7, 300; B 1, 3), "
        f"{found.difference_of_answers:.1e} of a probability of predict.py."
    )
