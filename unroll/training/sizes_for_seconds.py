"""How many units fit the seconds of a run: a step of a reference network is timed, a curve gives the size."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from unroll.settings import RecurrentSettings
from unroll.training.threads import available_processors

CELLS = ("lstm", "gru")  # whose sizes and rates were tried
FINE, COARSE, FINE_UP_TO = 16, 32, 64  # units between sizes, and the size up to which they are fine


def may_choose_size(settings: RecurrentSettings) -> bool:
    """Whether sizes follow from seconds: of a usual network on a CPU, with no other budget."""
    return (
        settings.steps is None
        and settings.epochs is None
        and settings.device == "cpu"
        and settings.cell in CELLS
        and not settings.cell_options
    )


@dataclass(frozen=True)
class SizeCurve:
    """The best number of units against the time of a run.

        units = known_units (steps / known_steps)^growth

    Attributes:
        known_steps: steps of the reference network in the time for which the best size is known.
        known_units: that size.
        growth: the exponent.
        smallest: units at least.
        largest: units at most.

    Examples:
        >>> from unroll.training.sizes_for_seconds import SizeCurve
        >>> SizeCurve(600, 180, 0.45, 32, 1024).units(600, tokens=1_000_000)
        192
    """

    known_steps: float
    known_units: int
    growth: float
    smallest: int
    largest: int

    def units(self, steps: float, tokens: int) -> int:
        """Units for the time of so many steps of the reference, and for so many tokens of data.

        Data of N tokens is not given more than N recurrent weights of a kind.
        """
        size = self.known_units * (max(1.0, steps) / self.known_steps) ** self.growth
        size = min(size, math.sqrt(tokens), self.largest)
        grain = COARSE if size > FINE_UP_TO else FINE
        return max(self.smallest, grain * round(size / grain))


def seconds_of_step(step: Callable[[], None], threads: int | None, most: float) -> float:
    """Seconds of a step, by the faster of one thread and all; the threads of the caller stay.

    Args:
        step: what is timed.
        threads: that were asked for. None: one and all are tried.
        most: seconds that this may take, about.
    """
    before = torch.get_num_threads()
    numbers = [threads] if threads else sorted({1, available_processors()})
    try:
        return min(least_time(step, n, most / len(numbers)) for n in numbers)
    finally:
        torch.set_num_threads(before)


def least_time(step: Callable[[], None], threads: int, most: float) -> float:
    """The least of up to three times of a step with so many threads, after one that makes plans.

    Args:
        step: what is timed.
        threads: that it has.
        most: seconds after which no further step is timed.
    """
    torch.set_num_threads(threads)
    end = time.perf_counter() + most
    times: list[float] = []
    while len(times) < 4 and (len(times) < 2 or time.perf_counter() < end):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return min(times[1:])
