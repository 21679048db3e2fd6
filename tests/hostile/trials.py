"""Many trials of one reader, in a process of its own."""

from __future__ import annotations

import os
import random
import resource
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.hostile.seeds import SEEDS
from tests.hostile.trial import attempt, mutated_copy

MEMORY = 6 << 30  # bytes of address space of one worker


def run_trials(job: tuple[str, int, int, str | None]) -> dict[str, object]:
    """The trials `first` to `first + count` of a reader."""
    name, first, count, keep = job
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seed, kinds, faults = SEEDS[name], Counter[str](), []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        valid = Path(work) / "valid"
        valid.mkdir()
        data = seed.make(valid)
        for number in range(first, first + count):
            draw = random.Random(f"{name} {number}")
            folder = Path(work) / "trial"
            changed = mutated_copy(valid, folder, draw)
            os.chdir(folder)
            outcome = attempt(seed, data, named=draw.random() < 0.7)
            os.chdir(work)
            kinds[outcome.kind] += 1
            if outcome.kind == "fault":
                faults.append({"number": number, "file": changed.name, "detail": outcome.detail})
            if keep:
                shutil.copytree(folder, keep, dirs_exist_ok=True)
            shutil.rmtree(folder)
    seconds = time.perf_counter() - started
    return {"reader": name, "first": first, **kinds, "seconds": round(seconds, 1), "faults": faults}
