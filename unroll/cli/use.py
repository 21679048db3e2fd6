"""The commands that use a run: eval, predict, score, next, generate, explain."""

from __future__ import annotations

import json as json_module
import math
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.counting import counted
from unroll.errors import UserError
from unroll.settings import parse_assignments

if TYPE_CHECKING:
    from unroll.run import LanguageRun, MusicRun, Run

RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
Condition = Annotated[
    str | None, typer.Option(help="The category, for a run trained with --condition.")
]
Device = Annotated[str, typer.Option(help="Where to run: cpu, cuda, mps.")]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Run the cell.py in the run, a cell of its own.")
]


def opened(path: str, device: str, trust_code: bool) -> Run:
    """The run at a path. Refused before torch is loaded where it is plainly none."""
    if not (Path(path) / "config.json").is_file():
        what = "is not a run folder" if Path(path).exists() else "does not exist"
        raise UserError(
            f"{path} {what}; expected a run folder, with a config.json, that `unroll train` made."
        )
    import torch

    from unroll.run import load

    run = load(path, device, trust_code)
    if device == "cpu":
        torch.set_num_threads(run.settings.threads or torch.get_num_threads())
    for sentence in run.warnings:
        typer.echo(f"unroll: {sentence}", err=True)
    return run


def speaking(path: str, device: str, trust_code: bool) -> LanguageRun:
    """The run of a language model at a path.

    Raises: UserError where it is a run of another task.
    """
    return as_speaking(opened(path, device, trust_code), path)


def as_speaking(run: Run, path: str) -> LanguageRun:
    from unroll.run import LanguageRun

    if not isinstance(run, LanguageRun):
        raise UserError(
            f"{path} is a run of the task {run.task_name}, which cannot score or continue texts. "
            f"It has: unroll predict {path} --input ..., unroll eval {path} DATA."
        )
    return run


SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave bad records out, count and tell them.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A setting of how it is used, as key=value: beam=1.", metavar="KEY=VALUE"
    ),
]


def evaluate(
    path: RunPath,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A text to evaluate on.")],
    image: Annotated[
        str | None, typer.Option(help="Column of the image's path, as in train.")
    ] = None,
    audio: Annotated[
        str | None, typer.Option(help="Column of the sound's path, as in train.")
    ] = None,
    strokes: Annotated[
        str | None, typer.Option(help="Column of the strokes' path, as in train.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column or .jsonl field of the text, as in train.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column of the label, as in train.")] = None,
    video: Annotated[str | None, typer.Option(help="Column of the clip, as in train.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Column or file of the other side, as in train.")
    ] = None,
    skip_bad: SkipBad = False,
    assignments: Assignments = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """How well a run does on other data, beside simple baselines."""
    run = opened(path, device, trust_code)
    run.adjust(**({"skip_bad": True} if skip_bad else {}), **parse_assignments(assignments or []))
    from unroll.training.report import ProgressLog

    given = {
        "image": image, "audio": audio, "strokes": strokes, "video": video, "text": text,
        "label": label, "target": target,
    }  # fmt: skip
    columns = {name: value for name, value in given.items() if value is not None}
    unknown = [name for name in columns if name not in type(run.settings).model_fields]
    if unknown:
        raise UserError(
            f"--{unknown[0]} is no setting of the task {run.task_name}, which {path} is a run of. "
            "Leave it out."
        )
    progress = ProgressLog("evaluating", partial(typer.echo, err=True))
    result = run.evaluate(data, progress, **columns)
    if json:
        typer.echo(json_module.dumps(result))
        return
    for line in run.summarise(result, data):
        typer.echo(line)


def predict(
    path: RunPath,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="A file of the form it was trained on.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="One input; may come again.", metavar="TEXT")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Write there: .jsonl as JSON lines, .svg a picture.", metavar="FILE"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over an existing --out.")
    ] = False,
    skip_bad: SkipBad = False,
    assignments: Assignments = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """What a run says of new data: a file, or what --input gives."""
    if (data is None) == (not inputs):
        given = "both DATA and --input" if inputs else "neither DATA nor --input"
        raise UserError(f"predict got {given}; expected one of them.")
    if out is not None and Path(out).exists() and not overwrite:
        raise UserError(f"{out} exists already; nothing was overwritten. Use --overwrite.")
    run = opened(path, device, trust_code)
    run.adjust(**({"skip_bad": True} if skip_bad else {}), **parse_assignments(assignments or []))
    if out is not None and out.endswith(".svg"):
        if data is None:
            raise UserError("A picture is drawn of a file; got --input. Give DATA.")
        write_text(Path(out), run.plot(data))
        typer.echo(f"Drawn in {out}", err=True)
        return
    answers = run.predict_file(data) if data is not None else run.predict_iterator(inputs or [])
    json = json or (out or "").endswith(".jsonl")
    lines = (
        json_module.dumps(answer, ensure_ascii=False) if json else run.format_prediction(answer)
        for answer in answers
    )
    if out is None:
        for line in lines:
            typer.echo(line)
        return
    write_lines(Path(out), lines)


def write_text(path: Path, text: str) -> None:
    """A file that is whole or not there."""
    from unroll.training.files import write_whole

    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A file that is whole or not there; a count on standard error while it grows."""
    shown, kept = time.monotonic() + 2, []
    for number, line in enumerate(lines, 1):
        kept.append(line + "\n")
        if time.monotonic() > shown:
            shown = time.monotonic() + 5
            typer.echo(f"{number:,} answered", err=True)
    write_text(path, "".join(kept))
    typer.echo(f"{len(kept):,} answers written to {path}", err=True)


def score(
    path: RunPath,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The text to score.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="Score each line of a file.", metavar="FILE")
    ] = None,
    condition: Condition = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """The log-probability of a text (nats), in all and per token, and its perplexity."""
    if (text is None) == (file is None):
        given = "both a text and --file" if text is not None else "neither a text nor --file"
        raise UserError(f"score got {given}; expected one of them.")
    run = speaking(path, device, trust_code)
    if text is not None:
        show_score(run.score(text, condition), json, details=True)
        return
    from unroll.data.text import lines, text_source

    source, blank = text_source(str(file)), 0
    for one in source.files:
        for number, line in enumerate(lines(one, source.name), 1):
            blank += not line
            if line:
                show_score({"line": number, **run.score(line, condition)}, json, details=False)
    if blank:
        lines_have = counted(blank, "blank line has", "blank lines have")
        typer.echo(f"{lines_have} no score.", err=True)


def show_score(scored: dict[str, Any], json: bool, details: bool) -> None:
    if json:
        typer.echo(json_module.dumps(scored, ensure_ascii=False))
        return
    total, perplexity = scored["log_probability"], scored["perplexity"]
    if not details:
        typer.echo(f"{total:12.4f}  {perplexity:10.3f}  {scored['text']}")
        return
    for row in scored["tokens"]:
        p = row["log_probability"]
        typer.echo(f"{p:9.4f}  {math.exp(p):7.2%}  {shown(row['token'])}")
    typer.echo(
        f"log-probability {total:.4f} nats over {len(scored['tokens'])} tokens, "
        f"perplexity {perplexity:.3f}"
    )
    if scored["unknown"]:
        typer.echo(f"Unknown to this run, scored as <unk>: {' '.join(scored['unknown'])}", err=True)


def next_tokens(
    path: RunPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What stands before.")],
    top: Annotated[int, typer.Option(help="How many to show.")] = 10,
    condition: Condition = None,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """The likeliest next tokens after a text."""
    found = speaking(path, device, trust_code).next(text, top, condition)
    if json:
        typer.echo(json_module.dumps({"text": text, "next": found}, ensure_ascii=False))
        return
    for row in found:
        bar = "█" * round(40 * row["probability"])
        typer.echo(f"{row['probability']:7.2%}  {shown(row['token']):12}  {bar}")


def generate(
    path: RunPath,
    prompt: Annotated[str, typer.Option(help="What the text starts with.")] = "",
    length: Annotated[int, typer.Option(help="Tokens to add.")] = 400,
    temperature: Annotated[
        float, typer.Option(help="0 always the likeliest; 1 as learned; higher is wilder.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="Choose from the k likeliest; 0: from all.")] = 0,
    top_p: Annotated[
        float, typer.Option(help="Choose from the fewest that reach this probability.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same text.")] = None,
    count: Annotated[int, typer.Option(help="How many texts.")] = 1,
    unknown: Annotated[bool, typer.Option("--unknown", help="Let <unk> come (words).")] = False,
    condition: Condition = None,
    out: Annotated[
        str | None,
        typer.Option(help="Music: write there, .abc, .mid, .wav (sound) or .svg.", metavar="FILE"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over an existing --out.")
    ] = False,
    json: AsJson = False,
    device: Device = "cpu",
    trust_code: TrustCode = False,
) -> None:
    """Text or a tune that the model writes; text as it writes it."""
    if count < 1:
        raise UserError(f"--count got {count}; expected at least 1.")
    run = opened(path, device, trust_code)
    if device == "cpu":
        import torch

        torch.set_num_threads(1)  # a single step is too small to share
    from unroll.run import MusicRun

    if isinstance(run, MusicRun):
        if condition is not None or unknown:
            word = "--unknown" if condition is None else "--condition"
            raise UserError(f"{word} is for texts, and {path} writes tunes. Leave it out.")
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        play(run, prompt, length, sampling, seed, count, out, overwrite, json)
        return
    run = as_speaking(run, path)
    if out is not None:
        raise UserError(
            f"--out is for tunes, and {path} writes text. Leave it out, and use > FILE."
        )
    for number in range(count):
        pieces = run.stream(
            prompt, length,
            temperature=temperature, top_k=top_k, top_p=top_p,
            seed=None if seed is None else seed + number, condition=condition, unknown=unknown,
        )  # fmt: skip
        if json:
            text = prompt + "".join(pieces)
            typer.echo(json_module.dumps({"prompt": prompt, "text": text}, ensure_ascii=False))
            continue
        sys.stdout.write(prompt)
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")


def play(
    run: MusicRun,
    prompt: str,
    length: int,
    sampling: dict[str, Any],
    seed: int | None,
    count: int,
    out: str | None,
    overwrite: bool,
    json: bool,
) -> None:
    """Tunes that the model writes: shown, or written to --out (of several, to NAME-1 and so on)."""
    from unroll.tasks.music.run import check_ending
    from unroll.training.files import write_whole

    path = None if out is None else Path(out)
    paths = [path] * count
    if path is not None:
        check_ending(path.suffix.lower())
        if count > 1:
            paths = [path.with_name(f"{path.stem}-{n + 1}{path.suffix}") for n in range(count)]
        taken = [one for one in paths if one is not None and one.exists()]
        if taken and not overwrite:
            raise UserError(f"{taken[0]} exists already; nothing was overwritten. Use --overwrite.")
    for number, place in enumerate(paths):
        drawn = None if seed is None else seed + number
        tune = run.generate(prompt, length, seed=drawn, **sampling)
        if place is not None:
            try:
                write_whole(place, run.render(tune, place.suffix.lower()))
            except OSError as error:
                raise UserError(f"{place} cannot be written: {error.strerror or error}.") from error
        if json:
            found = {"prompt": prompt, "text": tune, "out": None if place is None else str(place)}
            typer.echo(json_module.dumps(found, ensure_ascii=False))
        elif place is None:
            typer.echo(tune)
        else:
            typer.echo(f"Written to {place}", err=True)


def explain(
    path: RunPath, json: AsJson = False, device: Device = "cpu", trust_code: TrustCode = False
) -> None:
    """Which backend runs each recurrent part of a run's model, why, and its plan.

    With --json an array with an object for each part: layer, cell, backend, why, refusal, and of
    its plan the stages, the numbers saved a step, and the numbers of parameters multiplied.
    """
    run = opened(path, device, trust_code)
    typer.echo(json_module.dumps(run.explanations()) if json else run.explain())


def shown(token: str) -> str:
    """A token that can be seen: spaces and line ends as Python writes them."""
    return token if token.strip() == token and token.isprintable() and token else repr(token)
