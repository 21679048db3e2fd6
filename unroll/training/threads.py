"""How many threads: a short timing decides, because small steps run faster on one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch


def choose_threads(work: Callable[[], None], seconds: float = 1.0) -> tuple[int, str]:
    """Time `work` with 1, 2, 4, ... threads, set the fastest. Returns it, and a sentence."""
    ours = getattr(os, "sched_getaffinity", None)  # not on macOS
    available = len(ours(0)) if ours is not None else os.cpu_count()
    candidates = [1]
    while candidates[-1] * 2 <= (available or 1):
        candidates.append(candidates[-1] * 2)
    if len(candidates) == 1:
        torch.set_num_threads(1)
        return 1, "1 thread: there is one processor"
    times: dict[int, list[float]] = {n: [] for n in candidates}
    for n in candidates:
        torch.set_num_threads(n)
        work()
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 2 or (time.perf_counter() < end and rounds < 9):
        for n in candidates:  # in turn, because the machine may be shared
            torch.set_num_threads(n)
            start = time.perf_counter()
            work()
            times[n].append(time.perf_counter() - start)
        rounds += 1
    middle = {n: sorted(t)[len(t) // 2] for n, t in times.items()}
    best = min(candidates, key=lambda n: middle[n])
    torch.set_num_threads(best)
    timing = ", ".join(f"{n}: {middle[n] * 1e3:.1f} ms" for n in candidates)
    return best, f"{best} thread{'s' if best > 1 else ''} (a step takes {timing})"
