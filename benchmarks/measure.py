"""What every comparison shares: the machine in words, the gate, and interleaved rounds."""

import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run

import torch

from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.compiler import compiler_command

EPSILON = torch.finfo(torch.float32).eps


def machine(threads):
    """Everything that a figure depends on and that a reader cannot see in it."""
    found = {
        "threads": threads,
        "torch": torch.__version__,
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load before": round(os.getloadavg()[0], 2),
    }
    try:
        command = compiler_command()
        said = run([*command, "--version"], capture_output=True, text=True, check=False).stdout
        found["compiler"] = said.partition("\n")[0] or " ".join(command)
    except BuildError as error:
        found["compiler"] = str(error)
    return found


def cpu_model():
    info = Path("/proc/cpuinfo")
    for line in info.read_text(errors="replace").splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@dataclass
class Row:
    """One line of the table: candidates that compute the same thing.

    labels: what each tensor of a result is. reference: the float64 results.
    calls: by name, functions of nothing that return float32 results in this order.
    yardsticks: names of the calls whose error the others are measured by.
    pairs: (a, b) for each ratio of a's time to b's that is told.
    gates: gate-sized products of a step, or None where they are not compared per FLOP.
    apart: calls that compute something else, for the time per FLOP: their gates by name.
    roundings: of the largest number of a result, which every candidate is allowed.
    """

    name: str
    shape: dict[str, int]
    labels: list[str]
    reference: list[torch.Tensor]
    calls: dict
    yardsticks: tuple[str, ...]
    pairs: list[tuple[str, str]]
    gates: int | None = None
    apart: dict = field(default_factory=dict)
    roundings: float = 8.0

    def title(self):
        return " ".join([self.name, *(f"{k}={v}" for k, v in self.shape.items())])


def wrong_in(row):
    """Sentences about every result that is too far from float64: the gate.

    A candidate may be at most twice as far as the float32 loop or torch, and a few roundings of
    the largest number.
    """
    results = {
        name: [doubled(r) for r in call()]
        for name, call in row.calls.items()
        if name not in row.apart
    }
    wrong = []
    for k, (label, expected) in enumerate(zip(row.labels, row.reference, strict=True)):
        error = {n: float((r[k] - expected).abs().max()) for n, r in results.items()}
        few = row.roundings * EPSILON * float(expected.abs().max())
        allowed = 2 * max(error[y] for y in row.yardsticks) + few
        wrong += [
            f"{row.title()}: {name} is {found:.3g} from float64 in {label}; allowed {allowed:.3g}"
            for name, found in error.items()
            if not found <= allowed  # a NaN is wrong too
        ]
    return wrong


def doubled(result):
    """JAX and onnxruntime give arrays, which may not be written to: a copy."""
    tensor = result.detach() if isinstance(result, torch.Tensor) else torch.tensor(result)
    return tensor.double()


def rounds(row, seconds, clock=time.perf_counter):
    """Milliseconds by name, one of each in every round; after a warm-up, for about `seconds`.

    clock: `time.process_time`, the processor's seconds, is fair where one thread of a busy machine
    compares calls of unlike length: the longer one would be interrupted more often.
    """
    times = {name: [] for name in row.calls}
    started = time.perf_counter()
    for _ in range(2):
        for call in row.calls.values():
            call()
    round_of = (time.perf_counter() - started) / 2
    for _ in range(max(7, min(300, int(seconds / round_of)))):
        for name, call in row.calls.items():
            start = clock()
            call()
            times[name].append((clock() - start) * 1e3)
    return times


def ratio(values, to):
    """The median of the ratios of pairs, each pair from one round."""
    return statistics.median([a / b for a, b in zip(values, to, strict=True)])


def summary(row, times):
    """Medians and ratios of one row, for the table and the file."""
    found = {
        "row": row.name,
        **row.shape,
        "rounds": len(next(iter(times.values()))),
        "ms": {n: round(statistics.median(v), 4) for n, v in times.items()},
        "ratios": {f"{a} / {b}": round(ratio(times[a], times[b]), 3) for a, b in row.pairs},
    }
    for other, gates in row.apart.items():
        if row.gates is not None:  # 3 * 2 T B G H (I + H), of which only G differs
            per_gate = ratio(times["cpu"], times[other]) * gates / row.gates
            found["ratios"][f"cpu / {other}, per FLOP"] = round(per_gate, 3)
    return found


def table(rows):
    """Lines of equal columns; what a row has not is a dash. rows: dictionaries of words."""
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    lines = [headings, *([str(row.get(h, "-")) for h in headings] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *rest in lines:
        padded = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *padded]))
