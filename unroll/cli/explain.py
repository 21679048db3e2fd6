"""`unroll explain`."""

from __future__ import annotations

from unroll.cli.output import say, say_json
from unroll.cli.run_options import AsJson, Device, RunPath, TrustCode, open_run


def explain(
    path: RunPath, json: AsJson = False, device: Device = "cpu", trust_code: TrustCode = False
) -> None:
    """Print which backend runs each recurrent part of a run's model, why, and its plan.

    With --json an array with an object for each part: layer, cell, backend, why, refusal, and of
    its plan the stages, the numbers saved per step, and the numbers of parameters multiplied.
    """
    run = open_run(path, device, trust_code)
    if json:
        say_json(run.explanations())
    else:
        say(run.explain())
