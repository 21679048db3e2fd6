"""`unroll demo`: train and use a model, on a text that every CPython has."""

from __future__ import annotations

import json as json_module
import math
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from unroll.cli.output import say, say_json
from unroll.errors import UserError

SENTENCES = (
    "The object is returned by the function.",
    "The object is returned by the banana.",
)
PROMPT = "The expression "
TEMPERATURES = (0.4, 0.8, 1.2)


def demo(
    out: Annotated[str, typer.Option(help="The run folder.", metavar="RUN")] = "runs/demo",
    seconds: Annotated[float, typer.Option(help="Seconds of training.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on standard output.")] = False,
) -> None:
    """Train a character LSTM on Python's own language reference, and use it."""
    if not seconds > 0:
        raise UserError(f"--seconds got {seconds:g}; expected more than 0.")
    text = demo_text(Path(out))
    write_topics(text)

    from unroll.run import train
    from unroll.training.report import make_report

    report = make_report("characters", as_json=json)
    report.log("A character LSTM learns Python's language reference (pydoc_data.topics).")
    run = train(text, out, overwrite=is_demo(Path(out)), seconds=seconds, seed=seed, report=report)
    findings = use_run(run, seed)
    if json:
        say_json({"run": str(run.path), **run.result(), **findings})
        return
    print_findings(findings)
    name = shlex.quote(str(run.path))
    say("\nWhat to try next:")
    say(f"  unroll train {shlex.quote(str(text))} --out {name} --resume --seconds 60")
    say(f'  unroll generate {name} --prompt "Python is" --length 400 --temperature 0.8')
    say(f'  unroll score {name} "{SENTENCES[0]}"')
    say(f'  unroll next {name} "{PROMPT}" --top 10')
    say("  unroll train YOUR_TEXT.txt --seconds 90")
    say(f"\nRun folder: {run.path}")


def demo_text(out: Path) -> Path:
    """Where the text of a demo stands: beside its run folder."""
    return out.with_name(out.name + ".txt")


def write_topics(path: Path) -> None:
    """Write the language reference as one text.

    Raises:
        UserError: where this Python does not have it.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise UserError(
            "This Python has no pydoc_data.topics, the text of the demo. Train on a text of your "
            "own: unroll train FILE.txt --seconds 60"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(topics[name] for name in sorted(topics)), encoding="utf-8")


def is_demo(path: Path) -> bool:
    """Whether the folder is a run that an earlier demo made; no other is overwritten."""
    try:
        config = json_module.loads((path / "config.json").read_bytes())
        return Path(config["data"]["path"]).resolve() == demo_text(path).resolve()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def use_run(run: Any, seed: int) -> dict[str, Any]:
    """Two scores, the ten most likely next characters and three samples of the trained model."""
    scores = [run.score(sentence) for sentence in SENTENCES]
    return {
        "scores": [{"text": s["text"], "log_probability": s["log_probability"]} for s in scores],
        "next": {"text": PROMPT, "next": run.next(PROMPT, 10)},
        "samples": [
            {"temperature": t, "text": run.generate("The ", 240, temperature=t, seed=seed)}
            for t in TEMPERATURES
        ],
    }


def print_findings(found: dict[str, Any]) -> None:
    """Print what `use_run` returned."""
    say("\nTwo sentences that differ in one word, by their log-probability (nats):")
    for row in found["scores"]:
        say(f"  {row['log_probability']:9.2f}  {row['text']}")
    first, second = (row["log_probability"] for row in found["scores"])
    which = "first" if first > second else "second"
    times = math.exp(min(abs(first - second), 700))
    say(f"  The {which} is {times:,.0f} times more likely.")
    say(f"\nThe ten most likely characters after {found['next']['text']!r}:")
    say("  " + "  ".join(f"{n['token']!r} {n['probability']:.1%}" for n in found["next"]["next"]))
    for sample in found["samples"]:
        say(f"\nAt temperature {sample['temperature']}:")
        say("\n".join("  | " + line for line in sample["text"].split("\n")))
