"""How many threads: a short timing decides, because small steps run faster on one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

import torch

from unroll.counting import counted
from unroll.errors import UserError
from unroll.settings import TrainingSettings
from unroll.training.objective import Objective

PER_PROCESSOR, LEAST_BOUND = 4, 16  # threads that a run may have

Settings = TypeVar("Settings", bound=TrainingSettings)


def pick_threads(objective: Objective, settings: Settings) -> tuple[str, Settings]:
    """Set the threads asked for, or the fastest in a short timing that leaves no trace.

    Args:
        objective: whose first batch is timed.
        settings: of the run.

    Returns:
        The number of threads and why, in words; and the settings with it.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
        return f"{counted(settings.threads, 'thread')} (--threads)", settings
    if settings.device != "cpu":
        return counted(torch.get_num_threads(), "thread"), settings

    batch = objective.batch(0)

    def trial() -> None:
        loss, _ = batch.loss(None)
        loss.backward()
        objective.model.zero_grad()

    threads, sentence = choose_threads(trial)
    return sentence, settings.model_copy(update={"threads": threads})


def check_threads(threads: int | None) -> None:
    """Refuse more threads than are of use here; each takes memory before any work is done.

    Args:
        threads: that were asked for. None: any number.

    Raises:
        UserError: where they are too many.
    """
    if threads is not None and threads > most_threads():
        raise UserError(
            f"--threads got {threads}; this machine has {counted(available_processors(), 'processor')}"
            f", so expected at most {most_threads()}."
        )


def most_threads() -> int:
    """How many threads a run may have on this machine."""
    return max(LEAST_BOUND, PER_PROCESSOR * available_processors())


def choose_threads(work: Callable[[], None], seconds: float = 1.0) -> tuple[int, str]:
    """Time `work` with 1, 2, 4, ... threads, and set the fastest number.

    Args:
        work: what is timed.
        seconds: how long at most, where two rounds take less.

    Returns:
        The number of threads, and a sentence with the times.
    """
    candidates = [1]
    while candidates[-1] * 2 <= available_processors():
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
    return best, f"{counted(best, 'thread')} (a step takes {timing})"


def available_processors() -> int:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
