"""What has to be measured in a process of its own: memory, imports, an empty cache.

Each child is this file with the name of what it measures; it prints JSON.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
LONG = {"T": 100_000, "B": 1, "H": 64}


def child(*words, **variables):
    command = [sys.executable, __file__, *words]
    run = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{run.stderr}")
    return json.loads(run.stdout)


def long_sequences():
    """Forward and backward over 100,000 steps with one thread: seconds and peak memory.

    The gate: the losses and the norms of the gradients agree.
    """
    found = {kind: [] for kind in ("torch.nn", "unroll cpu")}
    for _ in range(ROUNDS):
        for kind, results in found.items():
            results.append(child("long", kind))
    for numbers in zip(*(results[0]["gate"] for results in found.values()), strict=True):
        if not max(numbers) - min(numbers) <= 1e-4 * max(map(abs, numbers)):
            sys.exit(f"The gate is red; nothing was told: {LONG} gives {numbers}.")
    rows = []
    for kind, results in found.items():
        row = {"GRU T=100,000, B=1, H=64, 1 thread": kind}
        for key, unit in (("seconds", "s"), ("megabytes", "MB")):
            median = statistics.median(r[key] for r in results)
            row[key] = f"{median:.3g} {unit}"
            pairs = [r[key] / t[key] for r, t in zip(results, found["torch.nn"], strict=True)]
            row[f"{key} / torch.nn"] = f"{statistics.median(pairs):.2f}"
        rows.append(row)
    return rows


def measure_long(kind):
    import torch

    import unroll

    torch.set_num_threads(1)
    torch.manual_seed(0)
    T, B, H = LONG.values()
    layer = unroll.GRU(H, H)
    theirs = torch.nn.GRU(H, H)
    theirs.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, H)

    def run(x):
        output, _ = theirs(x) if kind == "torch.nn" else layer(x, backend="cpu")
        loss = (output * output).mean()
        module = theirs if kind == "torch.nn" else layer
        gradients = torch.autograd.grad(loss, list(module.parameters()))
        return [float(t.detach().norm()) for t in (loss, *gradients)]

    run(x[:64])
    before, start = peak(), time.perf_counter()
    gate = run(x)
    seconds = time.perf_counter() - start
    return {"gate": gate, "seconds": seconds, "megabytes": peak() - before}


def peak():
    """Megabytes, the most this process has ever had in memory."""
    status = Path("/proc/self/status")
    if not status.exists():
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS
    line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def compile_times(names):
    """What a cell costs that was never compiled here, and what it costs in the next process."""
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as cache:
            first = child("compile", name, UNROLL_CACHE=cache)
            again = child("compile", name, UNROLL_CACHE=cache)
        rows.append(
            {
                "a new cell": name,
                "first: imports": f"{first['imports']:.2f} s",
                "trace and plan": f"{first['plan']:.2f} s",
                "compile": f"{first['load']:.2f} s",
                "again: imports": f"{again['imports'] * 1e3:.0f} ms",
                "plan": f"{again['plan'] * 1e3:.0f} ms",
                "load": f"{again['load'] * 1e3:.1f} ms",
                "a second cell like it": f"{again['second'] * 1e3:.0f} ms",
            }
        )
    return rows


def measure_compile(name):
    """Seconds of a cell's first call, beyond `import torch`.

    imports: of unroll, before the call. load: compiling and loading, or loading alone where the
    cache has the kernels. plan: the rest of the call, with what torch imports when it first traces.
    second: the first call of another cell of the same class, in the same process.
    """
    import torch

    start = time.perf_counter()
    import unroll
    from unroll.engine.cpu import build

    engine = unroll.unroll  # imports the engine
    imports = time.perf_counter() - start
    from written import WRITTEN

    loading, load = [], build.load

    def timed(*arguments, **options):
        begun = time.perf_counter()
        library = load(*arguments, **options)
        loading.append(time.perf_counter() - begun)
        return library

    build.load = timed

    def first_call(H):
        cell, x = WRITTEN[name][0](H, H), torch.zeros(2, 1, H)
        begun = time.perf_counter()
        engine(cell, x, backend="cpu")
        return time.perf_counter() - begun

    call = first_call(128)
    loaded = sum(loading)
    return {
        "imports": imports,
        "plan": call - loaded,
        "load": loaded,
        "second": first_call(128),
    }


if __name__ == "__main__":
    what, name = sys.argv[1:]
    print(json.dumps({"long": measure_long, "compile": measure_compile}[what](name)))
