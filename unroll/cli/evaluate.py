"""`unroll eval`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from unroll.cli.output import say, say_json
from unroll.cli.run_options import (
    AsJson,
    Device,
    RunAssignments,
    RunPath,
    SkipBad,
    TrustCode,
    adjust,
    open_run,
)
from unroll.paths import refuse_impossible_path


def evaluate(
    path: RunPath,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Data of the form it was trained on.")
    ],
    *,
    columns: dict[str, Any],
    skip_bad: SkipBad = False,
    assignments: RunAssignments = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Print the metrics of a run on other data, beside those of simple baselines.

    Where columns of DATA are not named as in the training data: --text NAME, --label NAME and so on,
    as in train. --by COLUMN adds the metrics of each group that a column names: speakers, sources.
    """
    refuse_impossible_path(data, "DATA")
    run = open_run(path, device, trust_code)
    adjust(run, skip_bad, assignments)
    from unroll.training.report import ProgressLog

    progress = ProgressLog("evaluating", partial(say, err=True))
    metrics = run.evaluate(data, progress, **columns)
    if json:
        say_json(metrics)
        return
    for line in run.summarise(metrics, data):
        say(line)
