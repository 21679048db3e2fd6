"""`unroll train`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from unroll.cells.own import own_cell, read_source
from unroll.settings import RecurrentSettings, parse_assignments, settings_from
from unroll.tasks import TASKS, guess_task, settings_of


def setting(name: str, metavar: str | None = None) -> Any:
    """An option of the command line with the sentence of its setting, of each task that differs."""
    said: dict[str, list[str]] = {}
    for task, entry in TASKS.items():
        kind = entry.settings_class()
        if name in kind.model_fields:
            said.setdefault(str(kind.model_fields[name].description), []).append(task)
    if len(said) > 1:
        help = " ".join(f"{', '.join(tasks)}: {sentence}" for sentence, tasks in said.items())
    else:
        help = next(iter(said))
    return typer.Option(
        f"--{name.replace('_', '-')}",
        help=help,
        metavar=metavar or "VALUE",
        show_default=False,
    )


def train(
    data: Annotated[
        str,
        typer.Argument(help="A text, a table, sentences in columns, pairs, a folder; - for stdin."),
    ],
    out: Annotated[
        str | None, typer.Option(help="The run folder; left out, runs/NAME.", metavar="RUN")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help=f"{', '.join(TASKS)}; left out, guessed.", metavar="TASK")
    ] = None,
    level: Annotated[str | None, setting("level", "char|word|bpe")] = None,
    cell: Annotated[str | None, setting("cell", "CELL")] = None,
    cell_options: Annotated[str | None, setting("cell_options", "JSON")] = None,
    readout: Annotated[str | None, setting("readout", "gradient|ridge")] = None,
    layers: Annotated[str | None, setting("layers", "N")] = None,
    hidden: Annotated[str | None, setting("hidden", "N")] = None,
    seconds: Annotated[str | None, setting("seconds", "S")] = None,
    steps: Annotated[str | None, setting("steps", "N")] = None,
    epochs: Annotated[str | None, setting("epochs", "N")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start the run in --out anew.")
    ] = False,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="On resuming, run the cell.py in the run.")
    ] = False,
    per_line: Annotated[
        bool, typer.Option("--per-line", help="Each line its own sequence.")
    ] = False,
    condition: Annotated[str | None, setting("condition", "COLUMN")] = None,
    image: Annotated[str | None, setting("image", "COLUMN")] = None,
    text: Annotated[str | None, setting("text", "COLUMN")] = None,
    label: Annotated[str | None, setting("label", "COLUMN")] = None,
    video: Annotated[str | None, setting("video", "COLUMN")] = None,
    target: Annotated[str | None, setting("target", "COLUMN")] = None,
    valid: Annotated[str | None, setting("valid", "FILE")] = None,
    time: Annotated[str | None, setting("time", "COLUMN")] = None,
    by: Annotated[str | None, setting("by", "COLUMN")] = None,
    horizon: Annotated[str | None, setting("horizon", "N")] = None,
    history: Annotated[str | None, setting("history", "N")] = None,
    covariates: Annotated[str | None, setting("covariates", "COLUMNS")] = None,
    audio: Annotated[str | None, setting("audio", "COLUMN")] = None,
    strokes: Annotated[str | None, setting("strokes", "COLUMN")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad records out, count and tell them.")
    ] = False,
    lower: Annotated[bool, typer.Option("--lower", help="Drop case (words).")] = False,
    state: Annotated[str | None, setting("state", "carry|reset")] = None,
    device: Annotated[str | None, setting("device", "DEVICE")] = None,
    threads: Annotated[str | None, setting("threads", "N")] = None,
    backend: Annotated[str | None, setting("backend", "auto|cpu|loop|parallel|torch")] = None,
    seed: Annotated[str | None, setting("seed", "N")] = None,
    watch: Annotated[str | None, setting("watch", "gradients")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as key=value.", metavar="KEY=VALUE"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on standard output.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Train a recurrent network on your own data.

    What a file is, is guessed and said, with the flag that changes it. Ctrl-C saves and ends.
    """
    values: dict[str, Any] = {
        "level": level, "cell": cell, "cell_options": cell_options, "layers": layers,
        "readout": readout, "hidden": hidden, "seconds": seconds, "steps": steps, "epochs": epochs,
        "per_line": per_line or None, "condition": condition,
        "image": image, "text": text, "label": label, "video": video, "target": target,
        "valid": valid,
        "time": time, "by": by, "horizon": horizon, "history": history, "covariates": covariates,
        "audio": audio, "strokes": strokes,
        "skip_bad": skip_bad or None, "lower": lower or None, "state": state, "device": device,
        "threads": threads, "backend": backend, "seed": seed, "watch": watch,
    }  # fmt: skip
    values = {key: value for key, value in values.items() if value is not None}
    values |= parse_assignments(assignments or [])
    # wrong words are refused before torch is loaded
    settings = checked(data, task, resume, values)
    own = own_cell(settings.cell)
    if own is not None:
        read_source(own[0])

    import json as json_module

    from unroll.run import train as train_run
    from unroll.training.report import make_report

    report = make_report(as_json=json, quiet=quiet)
    run = train_run(
        data, out, task=task, resume=resume, overwrite=overwrite, trust_code=trust_code,
        report=report, **values,
    )  # fmt: skip
    if json:
        typer.echo(json_module.dumps({"run": str(run.path), **run.result()}))
    elif not quiet:
        for line in ["Use it:", *run.usage()]:
            typer.echo(line, err=True)


def checked(data: str, task: str | None, resume: bool, values: dict[str, Any]) -> RecurrentSettings:
    """The settings, where the task and they fit together. A resumed run knows its task."""
    if resume and task is None:
        return settings_from(RecurrentSettings, {k: v for k, v in values.items() if k in COMMON})
    name = task or guess_task(data, values)[0]
    settings = settings_from(settings_of(name), values)
    if name == "language" and data != "-":
        from unroll.data.text import text_source

        text_source(data)
    return settings


COMMON = RecurrentSettings.model_fields
