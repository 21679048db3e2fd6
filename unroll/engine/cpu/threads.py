"""How many threads a call is worth, and what they share out."""

from __future__ import annotations

import torch

START = 40_000  # nanoseconds that a second thread costs to begin and end
BARRIER = 400  # nanoseconds of a barrier between two stages, on a machine that is not idle
RATE = 100.0  # multiplications and additions a nanosecond and thread, with few rows 30
ELEMENT = 1.0  # nanoseconds of ten elementwise operations on a number


def share(work: int, numbers: int, sequences: int, rows: int, steps: int) -> tuple[int, int]:
    """(threads, whether they share the units of each step instead of the sequences).

    work: multiplications a row. numbers: elementwise operations a row. rows: of all steps.
    """
    most = torch.get_num_threads()
    if most < 2 or not steps:
        return 1, 0
    rate = RATE if rows > 4 * steps else 30.0
    alone = rows * (work / rate + numbers * ELEMENT / 10)
    best, choice = alone, (1, 0)
    for threads in range(2, min(most, 64) + 1):
        if sequences >= threads:
            largest = -(-sequences // threads) / sequences
            cost = START + alone * largest
            if cost < best:
                best, choice = cost, (threads, 0)
        cost = START + alone / threads + steps * 3 * BARRIER
        if cost < best:
            best, choice = cost, (threads, 1)
    return choice
