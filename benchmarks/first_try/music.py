"""Tunes: interpolated Kneser-Ney n-grams of characters, in dictionaries, beside unroll, in nats."""

import json
import math
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.first_try.row import Row, run_unroll

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/music/nottingham"
DISCOUNT = 0.75


class DictionaryKneserNey:
    """Interpolated Kneser-Ney with one discount, as textbooks have it: counts in dictionaries."""

    def __init__(self, text, order, symbols):
        self.order, self.symbols = order, symbols
        self.counts = [Counter() for _ in range(order)]  # of grams, by length - 1
        whole = Counter(text[k : k + order] for k in range(len(text) - order + 1))
        self.counts[-1] = whole
        for n in range(order - 1, 0, -1):  # a shorter gram counts what comes before it
            for gram in self.counts[n]:
                self.counts[n - 1][gram[1:]] += 1
        self.total = [Counter() for _ in range(order)]
        self.different = [Counter() for _ in range(order)]
        for n, counts in enumerate(self.counts):
            for gram, count in counts.items():
                self.total[n][gram[:-1]] += count
                self.different[n][gram[:-1]] += 1
        self.known = defaultdict(float)

    def p(self, history, symbol):
        key = history, symbol
        if key in self.known:
            return self.known[key]
        shorter = self.p(history[1:], symbol) if history else 1 / self.symbols
        n, total = len(history), self.total[len(history)][history]
        found = shorter
        if total:
            kept = max(0.0, self.counts[n][history + symbol] - DISCOUNT)
            found = (kept + DISCOUNT * self.different[n][history] * shorter) / total
        self.known[key] = found
        return found

    def nats(self, text):
        reach = self.order - 1
        return -sum(
            math.log(self.p(text[max(0, k - reach) : k], text[k])) for k in range(reach, len(text))
        )


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
        models = [DictionaryKneserNey(parts["train"], order, symbols) for order in (4, 6, 8)]
        best = min(models, key=lambda model: model.nats(parts["valid"]))
        simple = best.nats(parts["test"]) / len(parts["test"])
        simple_seconds = time.process_time() - begun
        words = ["train", "train.abc", "--valid", "valid.abc", "--out", "run", "--seed", str(seed)]
        words += ["--seconds", str(seconds)] if seconds is not None else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_unroll(words, Path(folder))
        found = json.loads(run_unroll(["eval", "run", "test.abc", "--json"], Path(folder)))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Row(
        metric="nats per character",
        higher=False,
        simple=simple,
        simple_model=f"interpolated Kneser-Ney {best.order}-gram of characters (dictionaries)",
        simple_seconds=simple_seconds,
        unroll=found["loss"],
        unroll_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        alone={name: row["loss"] for name, row in found["baselines"].items()},
        test=found["tunes"],
    )


ROWS = {"nottingham": nottingham}
