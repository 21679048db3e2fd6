"""A row of the comparison: what a user would try first beside unroll, on the same data."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """Both models on one test split.

    Attributes:
        metric: its name and unit: "accuracy, %", "MAE", "nats per character".
        higher: whether more of it is better.
        simple: of the simple model, which the benchmark fits by itself.
        simple_model: what it is: "linear SVM on words 1-2 and characters 2-5 (scikit-learn)".
        simple_seconds: of the processor, for fitting and predicting.
        unroll: of unroll, nothing set but columns.
        unroll_seconds: of the processor, for training and evaluating.
        alone: of the parts of unroll's model, by name, as its evaluation prints them.
        test: how many records, characters or windows the figures are over.
    """

    metric: str
    higher: bool
    simple: float
    simple_model: str
    simple_seconds: float
    unroll: float
    unroll_seconds: float
    alone: dict[str, float]
    test: int


def printed(name: str, seconds: float | None, seed: int, row: Row) -> str:
    """The row as a line of JSON, with the gain of unroll in the direction that is better."""
    gain = (row.unroll - row.simple) * (1 if row.higher else -1)
    return json.dumps(
        {"row": name, "budget": seconds, "seed": seed, **asdict(row), "gain": round(gain, 4)}
    )


def run_unroll(words: list[str], folder: Path) -> str:
    """What a command of this checkout prints; an exit code other than 0 ends the benchmark."""
    program = "import sys; from unroll.cli import main; sys.exit(main())"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"unroll {' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def train_and_evaluate(
    folder: Path, train: list[str], test: str, seconds: float | None, seed: int
) -> tuple[dict[str, Any], float]:
    """Train a run by its command and evaluate it.

    Args:
        folder: gets the run.
        train: the words of the command after "train": data, columns, settings.
        test: the data of the evaluation.
        seconds: the budget. None: none is given.
        seed: of the run.

    Returns:
        The metrics, and the seconds of the processor that both commands took.
    """
    budget = [] if seconds is None else ["--seconds", str(seconds)]
    begun = children_seconds()
    run_unroll(["train", *train, "--out", "run", "--seed", str(seed), *budget], folder)
    metrics = json.loads(run_unroll(["eval", "run", test, "--json"], folder))
    return metrics, children_seconds() - begun


def children_seconds() -> float:
    """Seconds of the processor of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
