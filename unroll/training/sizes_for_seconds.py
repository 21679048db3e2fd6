"""How many units fit the seconds of a run: steps of a few networks are timed, a curve gives the size."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from unroll.settings import RecurrentSettings
from unroll.training.threads import available_processors

CELLS = ("lstm", "gru")  # whose sizes and rates were tried
FINE, COARSE, FINE_UP_TO = 16, 32, 64  # units between sizes, and the size up to which they are fine
TIMING_PART = 0.02  # of the seconds, in which steps of further sizes are timed
NEIGHBOUR = 1.4  # ratio of the sizes that are timed
WORTH = 0.04  # of the excess loss, that another size than that on the curve has to gain: times are noisy
DATA_POWER = 0.35  # of the steps, with which the loss falls, about

LOGGER = logging.getLogger("unroll")


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
        reference: units of the reference network.
        cost: the time of a step grows as its units to this power, where the curve was found.

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
    reference: int = 256
    cost: float = 1.2

    def units(self, steps: float, tokens: int) -> int:
        """Units for the time of so many steps of the reference, and for so many tokens of data."""
        size = self.known_units * (max(1.0, steps) / self.known_steps) ** self.growth
        return self.allowed(size, tokens)

    def allowed(self, size: float, tokens: int) -> int:
        """The nearest size that may be chosen: data of N tokens has no more than N weights of a kind."""
        size = min(size, math.sqrt(tokens), self.largest)
        grain = COARSE if size > FINE_UP_TO else FINE
        return max(self.smallest, grain * round(size / grain))

    def excess(self, units: int, steps: float) -> float:
        """How far the loss is from the best that there is, up to a factor, after so many steps of a size.

            excess = c (units / known_units)^-a + (steps / s)^-b,   a = b (1 / growth - cost)

        with c and the steps s of the known size such that the excess is lowest on the curve, where
        the time of a step grows as units^cost.
        """
        slope = 1 / self.growth - self.cost
        own_steps = self.known_steps * (self.reference / self.known_units) ** self.cost
        of_size = self.cost / slope * (units / self.known_units) ** (-DATA_POWER * slope)
        return of_size + (steps / own_steps) ** -DATA_POWER


def fit_units(
    curve: SizeCurve,
    seconds: float,
    reference: float,
    tokens: int,
    measure: Callable[[int], float],
    most: float,
) -> int:
    """Units for the seconds of a run: of the size on the curve and its two neighbours the best one here.

    A step of each is timed. A machine on which wide layers are slow gets a smaller network than another
    one with as quick a reference, a machine on which they cost little more a larger one.

    Args:
        curve: the best size against the time.
        seconds: of training.
        reference: seconds of a step of the reference network.
        tokens: of the data.
        measure: of a size: the seconds of a step.
        most: seconds that timing may take, about; what does not fit in is not timed.
    """
    begun = time.perf_counter()
    first = curve.units(seconds / reference, tokens)
    times = {first: measure(first)}
    took = time.perf_counter() - begun
    for size in (first / NEIGHBOUR, first * NEIGHBOUR):
        units = curve.allowed(size, tokens)
        if units not in times and time.perf_counter() - begun + took <= most:
            times[units] = measure(units)
    excess = {units: curve.excess(units, seconds / time) for units, time in times.items()}
    best = min(excess, key=lambda units: excess[units])
    if excess[best] > (1 - WORTH) * excess[first]:
        best = first
    shown = " and ".join(f"{1000 * times[units]:.3g} ms with {units}" for units in sorted(times))
    LOGGER.info(f"{best} units fit the seconds (--hidden): a step takes {shown} units.")
    return best


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
