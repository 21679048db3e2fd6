"""Kill runs at random moments (SIGKILL), give the same command again, compare with an unbroken run.

A kill comes at any moment from the first tenth of a second: while Python starts, while the run folder
is made, in the middle of a file that is written, at the end. The end has to be equal to the bit.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = ["--steps", "300", "--hidden", "24", "--threads", "1", "--set", "checkpoint_every=5"]
FIRST = 0.1  # seconds before the first kill can come


def command(folder, run):
    """The one command, which starts a run or goes on with it."""
    words = [str(Path(folder) / "text.txt"), "--out", str(run), "--resume", "--quiet", *SETTINGS]
    return [sys.executable, "-m", "unroll", "train", *words]


def result(run):
    """The last weights, those that are loaded, and the losses."""
    last = max((run / "checkpoints").glob("step-*"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]
    weights = [(each / "model.safetensors").read_bytes() for each in (last, run)]
    found = json.loads((run / "result.json").read_text())
    found.get("refit", {}).pop("seconds", None)
    return weights, losses, {k: v for k, v in found.items() if k not in ("seconds", "time")}


def left_over(folder, run):
    """Temporary files and folders that stay where a kill left them."""
    beside = [path.name for path in Path(folder).glob(".unroll-*")]
    inside = [path.name for path in run.rglob(".*") if path.name != ".lock"]
    return beside + inside


def killed(words, seconds):
    """Whether a process was killed after so many seconds, or had ended before."""
    process = subprocess.Popen(words)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    if code:
        sys.exit(f"{' '.join(words)} ended with {code}")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--in-a-row", type=int, default=3, help="kills of one run at most")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    kills = runs = identical = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        (Path(folder) / "text.txt").write_text("".join(f"{n} and {n * n}\n" for n in range(3000)))
        whole = Path(folder) / "whole"
        start = time.monotonic()
        subprocess.run(command(folder, whole), check=True)
        seconds = time.monotonic() - start
        expected = result(whole)
        while kills < args.kills:
            run = Path(folder) / f"run-{runs}"
            for _ in range(min(chance.randint(1, args.in_a_row), args.kills - kills)):
                kills += killed(command(folder, run), chance.uniform(FIRST, seconds))
            subprocess.run(command(folder, run), check=True)
            subprocess.run(
                command(folder, run), check=True
            )  # of a whole run, nothing is left to do
            same = result(run) == expected and not left_over(folder, run)
            if not same:
                print(f"{run.name} differs, or left {left_over(folder, run)}", flush=True)
            runs, identical = runs + 1, identical + same
    print(f"{kills} kills: {identical} of {runs} runs are bit-identical with an unbroken one")
    sys.exit(identical != runs)


if __name__ == "__main__":
    main()
