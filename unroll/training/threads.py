"""How many threads: a short timing decides, because small steps run faster on one."""

from __future__ import annotations

import math
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
ROUNDS = 9  # of a timing, at most
LONGEST_TIMING = 0.03  # of a budget of seconds

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

    most = math.inf if settings.seconds is None else LONGEST_TIMING * settings.seconds
    threads, sentence = choose_threads(trial, most=most)
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


def choose_threads(
    work: Callable[[], None], seconds: float = 1.0, most: float = math.inf
) -> tuple[int, str]:
    """Time `work` with 1, 2, 4, ... threads, and set the fastest number.

    Args:
        work: what is timed.
        seconds: how long at most, where two rounds take less.
        most: seconds after which nothing more is timed; work that slow is given all processors.

    Returns:
        The number of threads, and a sentence with the times.
    """
    candidates = [1]
    while candidates[-1] * 2 <= available_processors():
        candidates.append(candidates[-1] * 2)
    if len(candidates) == 1:
        torch.set_num_threads(1)
        return 1, "1 thread: there is one processor"
    times = time_in_turn(work, candidates, seconds, most)
    if times is None:
        torch.set_num_threads(candidates[-1])
        return candidates[-1], f"{counted(candidates[-1], 'thread')}, because a step is slow"
    middle = {n: sorted(t)[len(t) // 2] for n, t in times.items()}
    best = min(candidates, key=lambda n: middle[n])
    torch.set_num_threads(best)
    timing = ", ".join(f"{n}: {middle[n] * 1e3:.1f} ms" for n in candidates)
    return best, f"{counted(best, 'thread')} (a step takes {timing})"


def time_in_turn(
    work: Callable[[], None], candidates: list[int], seconds: float, most: float
) -> dict[int, list[float]] | None:
    """Seconds of `work` with so many threads, in turn, because the machine may be shared.

    Args:
        work: what is timed.
        candidates: numbers of threads.
        seconds: after which no further round begins, where there were two.
        most: seconds after which nothing more is timed.

    Returns:
        The times of each, or None where not even one of each was to be had.
    """
    times: dict[int, list[float]] = {n: [] for n in candidates}
    last, end = time.perf_counter() + most, math.inf
    for rounds in range(ROUNDS + 1):
        if rounds > 2 and time.perf_counter() >= end:
            break
        for n in candidates:
            if time.perf_counter() >= last:
                return times if all(times.values()) else None
            torch.set_num_threads(n)
            start = time.perf_counter()
            work()
            if rounds:  # the first one makes plans and starts threads
                times[n].append(time.perf_counter() - start)
        if not rounds:
            end = time.perf_counter() + seconds
    return times


def available_processors() -> int:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
