"""Time and memory against the length of a sequence: exact gradients of a loss at its end.

    python -m benchmarks.length                       # all of it, T from 1e3 to 1e6: minutes
    python -m benchmarks.length --only target         # the target: T = 1e6, in segments
    python -m benchmarks.length --only plot           # the plot again, from length.csv

One LSTM layer, B = 1, H = 128, one thread, each run in a process of its own, whose peak resident
memory counts. A run that would not fit into this machine's memory is skipped, and the table says so.
Writes benchmarks/length.csv and docs/pictures/length.svg.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
KINDS = ("unroll, in segments", "unroll", "torch.nn.LSTM", "torch.nn.GRU")
H = 128
NUMBERS = 4 * H  # in x, the output and their gradients, per step
TARGET = {"GB": 0.5, "ratio": 1.4}
GATE = 1e-4  # of the largest number of a gradient


def child(kind: str, T: int, gradients: Path | None = None) -> dict[str, float]:
    """What `measure` returns, in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.length", "--child", kind, "--T", str(T)]
    if gradients is not None:
        words += ["--gradients", str(gradients)]
    run = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if run.returncode:
        sys.exit(f"{kind} at T={T:,} failed:\n{run.stderr}")
    measured: dict[str, float] = json.loads(run.stdout)
    return measured


def measure(kind: str, T: int, gradients: str | None) -> dict[str, float]:
    """Seconds, and the peak beyond x, the output and their gradients, in GB."""
    import torch

    import unroll

    torch.manual_seed(0)
    layer: torch.nn.Module
    if kind.startswith("unroll"):
        layer = unroll.LSTM(H, H)
    else:
        layer = torch.nn.GRU(H, H) if kind.endswith("GRU") else torch.nn.LSTM(H, H)
    x = torch.randn(T, 1, H)
    keywords = {"segment_length": "auto"} if kind.endswith("segments") else {}

    def step(x: torch.Tensor) -> list[torch.Tensor]:
        x.requires_grad_()
        output, _ = layer(x, **keywords)
        (output[-1] ** 2).sum().backward()
        return [x.grad, *(p.grad for p in layer.parameters())]

    step(x[: min(T, 1_100)].clone())  # so that it is compiled, and every library loaded
    layer.zero_grad()
    before = peak()
    begun, used = time.perf_counter(), time.process_time()
    results = step(x)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    if gradients is not None:
        torch.save(results, gradients)
    own = T * NUMBERS * 4 / 1e9
    # before it began, x was there already
    return {
        "seconds": seconds,
        "cpu": cpu,
        "GB": max(0.0, peak() - before - own * 3 / 4),
        "GB in all": peak(),
    }


def peak() -> float:
    """GB, the most that this process has ever had in memory."""
    status = Path("/proc/self/status").read_text()
    line = next(s for s in status.splitlines() if s.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def available() -> float:
    """GB that this machine could give."""
    info = Path("/proc/meminfo").read_text()
    line = next(s for s in info.splitlines() if s.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024 / 1e9


def gate() -> float:
    """The largest difference of gradients in segments and unbounded at T = 10,000, over the largest."""
    import tempfile

    import torch

    with tempfile.TemporaryDirectory() as folder:
        both = []
        for kind in KINDS[:2]:
            path = Path(folder) / f"{len(both)}.pt"
            child(kind, 10_000, path)
            both.append(torch.load(path, weights_only=True))
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*both, strict=True))
    if not worst <= GATE:
        sys.exit(f"The gate failed, so nothing is reported: gradients differ by {worst:.2g}.")
    return worst


def measure_all(kinds: tuple[str, ...], lengths: tuple[int, ...]) -> list[dict[str, object]]:
    """A row per kind and length; a kind ends with the length that does not fit into memory."""
    rows: list[dict[str, object]] = []
    for kind in kinds:
        before: dict[str, float] | None = None
        for T in lengths:
            if before is not None:
                expected = before["GB in all"] * T / before["T"]
                if expected > 0.9 * available():
                    rows.append({"kind": kind, "T": T, "why not": f"would take {expected:.0f} GB"})
                    break
            before = {"T": T, **child(kind, T)}
            rows.append(
                {
                    "kind": kind,
                    "T": T,
                    "seconds": round(before["seconds"], 4),
                    "cpu seconds": round(before["cpu"], 4),
                    "cpu microseconds per step": round(before["cpu"] / T * 1e6, 2),
                    "GB": round(before["GB"], 4),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def compare_with_target(rounds: int) -> None:
    """Print the target beside what was measured."""
    worst = gate()
    T = LENGTHS[-1]
    pairs = [(child(KINDS[0], T), child(KINDS[1], T // 10)) for _ in range(rounds)]
    ratios = sorted(a["cpu"] / T / (b["cpu"] / (T // 10)) for a, b in pairs)
    print(f"gate, T=10,000: gradients differ by {worst:.2g} of the largest")
    for a, b in pairs:
        print(
            f"in segments, T=1,000,000: {a['seconds']:.1f} s ({a['cpu']:.1f} cpu), {a['GB']:.3f} GB;"
            f" unbounded, T=100,000: {b['seconds']:.2f} s ({b['cpu']:.2f} cpu), {b['GB']:.3f} GB"
        )
    print(f"target: under {TARGET['GB']} GB; measured: {max(a['GB'] for a, _ in pairs):.3f} GB")
    print(f"target: at most {TARGET['ratio']}x per step; measured: {ratios[len(ratios) // 2]:.3f}x")


def svg(rows: list[dict[str, object]]) -> str:
    """Seconds and memory against T, both axes logarithmic."""
    wide, high, left, gap = 360, 260, 60, 80
    colours = dict(zip(KINDS, ("#0a7d4f", "#1f5fbf", "#c2410c", "#8a8a8a"), strict=True))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * (wide + gap) + 30} {high + 90}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (key, title, low, top) in enumerate(
        (
            ("cpu seconds", "processor seconds, one thread", -3, 3),
            ("GB", "GB beyond input, output and gradients", -4, 2),
        )
    ):
        x0, y0 = left + number * (wide + gap), 30

        def place(
            T: float, value: float, x0: int = x0, y0: int = y0, low: int = low, top: int = top
        ):  # type: ignore[no-untyped-def]
            across = (math.log10(T) - 3) / 3 * wide
            up = (math.log10(max(value, 10.0**low)) - low) / (top - low) * high
            return x0 + across, y0 + high - up

        parts.append(f'<text x="{x0}" y="18">{title}</text>')
        for power in range(low, top + 1):
            x, y = place(1e3, 10.0**power)
            parts.append(f'<path d="M{x:.0f} {y:.0f}h{wide}" stroke="#ddd"/>')
            parts.append(
                f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">1e{power}</text>'
            )
        for T in LENGTHS:
            x, _ = place(T, 1)
            parts.append(
                f'<text x="{x:.0f}" y="{y0 + high + 18}" text-anchor="middle">{T:,}</text>'
            )
        for kind in KINDS:
            line = [r for r in rows if r["kind"] == kind and key in r]
            points = [place(float(str(r["T"])), float(str(r[key]))) for r in line]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[kind]}"/>')
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[kind]}"/>'
                for x, y in points
            ]
    for number, kind in enumerate(KINDS):
        x = left + number * 190
        parts.append(
            f'<rect x="{x}" y="{high + 62}" width="12" height="12" fill="{colours[kind]}"/>'
        )
        parts.append(f'<text x="{x + 18}" y="{high + 72}">{kind}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", choices=["target", "table", "plot"])
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--longest", type=int, default=LENGTHS[-1])
    words.add_argument("--child", help=argparse.SUPPRESS)
    words.add_argument("--T", type=int, help=argparse.SUPPRESS)
    words.add_argument("--gradients", help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.child:
        print(json.dumps(measure(given.child, given.T, given.gradients)))
        return
    table = ROOT / "benchmarks" / "length.csv"
    if given.only in (None, "target"):
        compare_with_target(given.rounds)
    if given.only in (None, "table"):
        rows = measure_all(KINDS, tuple(T for T in LENGTHS if given.longest >= T))
        names = list(dict.fromkeys(name for row in rows for name in row))
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    if given.only in (None, "table", "plot"):
        with table.open() as file:
            rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
        (ROOT / "docs" / "pictures" / "length.svg").write_text(svg(rows))


if __name__ == "__main__":
    main()
