"""How many threads a call is worth, and what they share out."""

from __future__ import annotations

from typing import NamedTuple

import torch

START = 10_000  # nanoseconds that a second thread costs to begin and end, where it is not waiting
BARRIER = 400  # nanoseconds of a barrier between two stages, on a machine that is not idle
RATE = 100.0  # multiplications and additions a nanosecond and thread, with few rows 30
ELEMENT = 1.0  # nanoseconds of ten elementwise operations on a number


class Split(NamedTuple):
    """How the work of a call is divided among threads.

    Attributes:
        threads: how many threads one job has.
        by_units: whether they share the units of each step instead of the sequences.
        at_once: whether the jobs run beside each other instead of one after the other.
    """

    threads: int
    by_units: int
    at_once: bool = False


def share(work: int, numbers: int, sequences: int, rows: int, steps: int, jobs: int = 1) -> Split:
    """The split that costs least.

    Args:
        work: multiplications per row.
        numbers: elementwise operations per row.
        sequences: how many sequences there are.
        rows: rows of all steps.
        steps: how many steps there are.
        jobs: how many calls of this size there are.
    """
    most = min(torch.get_num_threads(), 64)
    if most < 2 or not steps:
        return Split(1, 0)
    rate = RATE if rows > 4 * steps else 30.0
    alone = rows * (work / rate + numbers * ELEMENT / 10)
    cost, split = cheapest(alone, sequences, steps, most)
    if jobs > 1 and most >= jobs:
        beside, part = cheapest(alone, sequences, steps, most // jobs)
        if START + beside < jobs * cost:
            return part._replace(at_once=True)
    return split


def cheapest(alone: float, sequences: int, steps: int, most: int) -> tuple[float, Split]:
    """Nanoseconds of one job that takes `alone` on one thread, and its split."""
    best, split = alone, Split(1, 0)
    for threads in range(2, most + 1):
        if sequences >= threads:
            largest = -(-sequences // threads) / sequences
            cost = START + alone * largest
            if cost < best:
                best, split = cost, Split(threads, 0)
        cost = START + alone / threads + steps * 3 * BARRIER
        if cost < best:
            best, split = cost, Split(threads, 1)
    return best, split
