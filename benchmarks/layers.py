"""unroll's layers beside torch.nn's: forward and backward, interleaved in one run.

A correctness gate comes first. Prints the median milliseconds and the median ratio of pairs.
"""

import argparse
import json
import platform
import statistics
import time

import torch

import unroll

SIZES = [(1, 64, 128), (32, 64, 256), (16, 64, 512)]  # B, T, H = I
KINDS = ["RNN", "LSTM", "GRU"]


def run(layer, x, backend):
    layer.zero_grad()
    options = {} if backend is None else {"backend": backend}
    output, _ = layer(x, **options)
    output.sum().backward()
    return output.detach()


def compare(kind, B, T, H, rounds):
    theirs, ours = getattr(torch.nn, kind)(H, H), getattr(unroll, kind)(H, H)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(T, B, H)
    calls = {
        "torch.nn": lambda: run(theirs, x, None),
        "unroll": lambda: run(ours, x, "auto"),
        "loop": lambda: run(ours, x, "loop"),
    }
    expected = calls["torch.nn"]()
    for name, call in calls.items():
        assert torch.allclose(call(), expected, atol=1e-4), f"{name} {kind} gives other numbers"
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) * 1e3)
    row = {"kind": kind, "B": B, "T": T, "H": H}
    for name, values in times.items():
        row[f"{name} ms"] = round(statistics.median(values), 2)
        pairs = [a / b for a, b in zip(values, times["torch.nn"], strict=True)]
        row[f"{name} / torch.nn"] = round(statistics.median(pairs), 2)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = [compare(kind, *size, args.rounds) for kind in KINDS for size in SIZES]
    machine = {"torch": torch.__version__, "machine": platform.machine(), "threads": args.threads}
    if args.json:
        print(json.dumps({**machine, "rows": rows}))
        return
    print(machine)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
