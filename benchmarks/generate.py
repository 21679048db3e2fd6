"""Characters a second that `unroll generate` writes with a 1x384 model, start-up apart."""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

import unroll


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        text = Path(folder) / "text.txt"
        text.write_text("".join(f"{n} times {n} is {n * n}\n" for n in range(1000)))
        run = unroll.train(text, Path(folder) / "run", steps=3, hidden=384)
        torch.set_num_threads(1)
        # the gate: a step at a time says what the whole sequence says
        ids = torch.from_numpy(run.vocabulary.encode("12 times 12"))
        whole, _ = run.model(ids[:, None])
        step = run.model.stepper(1)
        steps = torch.stack([step(id[None]) for id in ids])
        assert torch.allclose(whole, steps, atol=1e-5), "the stepper gives other numbers"
        rates = []
        for seed in range(args.rounds):
            start = time.perf_counter()
            made = "".join(run.stream(length=args.length, seed=seed))
            rates.append(len(made) / (time.perf_counter() - start))
    rate = round(statistics.median(rates))
    print(json.dumps({"characters_per_second": rate}) if args.json else f"{rate:,} characters/s")


if __name__ == "__main__":
    main()
