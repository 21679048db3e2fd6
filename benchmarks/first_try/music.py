"""Tunes: Kneser-Ney n-grams of characters, in dictionaries, beside unroll, in nats."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.first_try.language import DictionaryModel
from benchmarks.first_try.row import Row, train_and_evaluate

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/music/nottingham"
ORDERS = (4, 6, 8)


def nottingham(seconds, seed):
    """Folk tunes in ABC, the sets of benchmarks/nottingham.py."""
    if not DATA.is_dir():
        raise FileNotFoundError(f"{DATA} is missing")
    with TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "benchmarks/nottingham.py"), str(DATA), folder]
        subprocess.run(command, check=True, capture_output=True)
        parts = {
            name: (Path(folder) / f"{name}.abc").read_text() for name in ("train", "valid", "test")
        }
        begun = time.process_time()
        symbols = len(set("".join(parts.values())))
        models = {order: DictionaryModel(parts["train"], order, symbols) for order in ORDERS}
        order = min(models, key=lambda order: models[order].nats(parts["valid"]))
        simple = models[order].nats(parts["test"])
        simple_seconds = time.process_time() - begun
        words = ["train.abc", "--valid", "valid.abc"]
        found, spent = train_and_evaluate(Path(folder), words, "test.abc", seconds, seed)
    return Row(
        metric="nats per character",
        higher=False,
        simple=simple,
        simple_model=f"modified Kneser-Ney {order}-gram of characters in dictionaries",
        simple_seconds=simple_seconds,
        unroll=found["loss"],
        unroll_seconds=spent,
        alone={name: row["loss"] for name, row in found["baselines"].items()},
        test=found["tunes"],
    )


ROWS = {"nottingham": nottingham}
