"""Kill runs at random moments (SIGKILL), resume, and compare with an uninterrupted run, to the bit."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = ["--steps", "800", "--hidden", "24", "--threads", "1", "--set", "checkpoint_every=5"]


def command(folder, run, *words):
    text = str(Path(folder) / "text.txt")
    return [sys.executable, "-m", "unroll", "train", text, "--out", str(run), "--quiet", *words]


def result(run):
    last = max((run / "checkpoints").glob("step-*"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [{k: v for k, v in line.items() if k != "seconds"} for line in lines]
    return (last / "model.safetensors").read_bytes(), losses


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    identical = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        (Path(folder) / "text.txt").write_text("".join(f"{n} and {n * n}\n" for n in range(3000)))
        whole = Path(folder) / "whole"
        subprocess.run(command(folder, whole, *SETTINGS), check=True)
        seconds = json.loads((whole / "result.json").read_text())["seconds"]  # of the steps alone
        for number in range(args.kills):
            run = Path(folder) / f"run-{number}"
            process = subprocess.Popen(command(folder, run, *SETTINGS))
            while not (run / "metrics.jsonl").exists():
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.8 * seconds))
            process.kill()
            process.wait()
            subprocess.run(command(folder, run, "--resume"), check=True)
            identical += result(run) == result(whole)
    print(f"{identical} of {args.kills} killed and resumed runs are bit-identical")
    sys.exit(identical != args.kills)


if __name__ == "__main__":
    main()
