"""When to keep a state and when to compute it again: the optimal schedule for few kept states.

A. Gruslys et al., Memory-efficient backpropagation through time, 2016
(https://arxiv.org/abs/1606.03401), its strategy that memorises hidden states, over segments in
the place of steps. n segments, m states kept at once, the start among them. Pure numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb, isqrt
from typing import Any

CALL = 32  # beginning a segment costs about as much as so many of its steps
SHORTEST = 8 * CALL  # of segments whose length was left open


def forward_runs(n: int, m: int) -> int:
    """How often a segment is run forward until all n have been reversed: the paper's C(n, m).

        C(1, m) = 1,  C(n, 1) = n (n + 1) / 2,
        C(n, m) = min over y of  y + C(n - y, m - 1) + C(y, m)

    In closed form by the repetitions r of A. Griewank and A. Walther, Algorithm 799: revolve,
    2000: the smallest r with n <= (m + r choose m).

    Examples:
        >>> from unroll.engine.memory.schedule import forward_runs
        >>> forward_runs(1000, 1000), forward_runs(1000, 20), forward_runs(1000, 1)
        (1999, 3747, 500500)
    """
    r = repetitions(n, m)
    return n * (r + 1) - comb(m + r, m + 1)


def repetitions(n: int, m: int) -> int:
    """How often a segment is run at most, less one: the r of `forward_runs`."""
    if m >= n:
        return min(1, n - 1)
    if m == 1:
        return n - 1
    r = 0
    while comb(m + r, m) < n:
        r += 1
    return r


def split(n: int, m: int) -> int:
    """The best number of segments from a kept state to the next one.

    What the schedule costs is convex in it, so the first one after which it rises is found by
    halving.
    """
    if m == 1 or m >= n:  # the last one alone; every border is kept
        return n - 1 if m == 1 else 1

    def cost(y: int) -> int:
        return y + forward_runs(n - y, m - 1) + forward_runs(y, m)

    low, high = 1, n - 1
    while low < high:
        middle = (low + high) // 2
        if cost(middle + 1) >= cost(middle):
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True)
class Advance:
    """Run from the kept state before segment `start` to that before `stop`, and keep that too."""

    start: int
    stop: int


@dataclass(frozen=True)
class Reverse:
    """Run this segment from the kept state before it, and go back through it; drop that state."""

    segment: int


def schedule(n: int, m: int) -> Iterator[Advance | Reverse]:
    """What to do, in order, until all n segments are reversed, the last one first.

    The state before segment 0 is kept from the start. A state that is gone back from at once is not
    counted among the m, as in the paper.

    Examples:
        >>> from unroll.engine.memory.schedule import schedule
        >>> [type(step).__name__ for step in schedule(3, 1)]
        ['Advance', 'Reverse', 'Advance', 'Reverse', 'Reverse']
    """
    stack = [(0, n, m)] if n else []
    while stack:
        start, stop, slots = stack.pop()
        if stop - start == 1:
            yield Reverse(start)
            continue
        y = split(stop - start, slots)
        yield Advance(start, start + y)
        stack.append((start, start + y, slots))
        stack.append((start + y, stop, max(1, slots - 1)))


def first_kept(n: int, m: int) -> list[int]:
    """Before which segments the first sweep, from the first segment to the last, keeps states."""
    found = [0]
    while n - found[-1] > 1:
        found.append(found[-1] + split(n - found[-1], m))
        m = max(1, m - 1)
    return found


@dataclass(frozen=True)
class Segmentation:
    """How a sequence is divided into segments.

    Attributes:
        T: steps of the sequence.
        length: steps of a segment.
        states: how many states at borders are kept at once.
        whole: how many of the last segments are kept with everything that their gradient needs,
            and not run again.
    """

    T: int
    length: int
    states: int
    whole: int = 1

    @property
    def segments(self) -> int:
        """How many segments there are."""
        return -(-self.T // self.length)

    @property
    def runs(self) -> int:
        """How many segments are run forward, the first time and again."""
        again = self.segments - self.whole
        return self.segments + (forward_runs(again, self.states) - (again - 1) if again else 0)


def kept_whole(segmentation: Segmentation) -> range:
    """The segments that the first sweep keeps with all that their gradient needs."""
    return range(segmentation.segments - segmentation.whole, segmentation.segments)


def kept_before(segmentation: Segmentation) -> list[int]:
    """Before which segments the first sweep keeps the state."""
    return [
        *first_kept(segmentation.segments - segmentation.whole, segmentation.states),
        *kept_whole(segmentation),
    ]


def segments_in_reverse(
    segmentation: Segmentation, states: dict[int, Any], advance: Callable[[Any, int, int], Any]
) -> Iterator[int]:
    """The segments from the last to the first, each when the state before it is in `states`.

    Args:
        segmentation: how the sequence is divided.
        states: by segment, the states that the first sweep kept. The caller removes the state of
            a segment that is done.
        advance: from a state before segment `start`, and the numbers `start` and `stop`, to the
            state before segment `stop`.
    """
    yield from reversed(kept_whole(segmentation))
    for action in schedule(segmentation.segments - segmentation.whole, segmentation.states):
        if isinstance(action, Reverse):
            yield action.segment
        elif action.stop not in states:
            states[action.stop] = advance(states[action.start], action.start, action.stop)


def segments_by_length(T: int, length: int | None) -> Segmentation:
    """Segments of this length, or of the square root of T and no shorter than SHORTEST; every
    border is kept."""
    length = length or max(SHORTEST, isqrt(max(T - 1, 0)) + 1)
    return Segmentation(T, length, max(1, -(-T // length)))


def segments_by_memory(T: int, step: int, state: int, memory: int) -> Segmentation | None:
    """The division into segments that computes least in a given memory; None where none fits.

    Args:
        T: steps of the sequence.
        step: bytes of a step with everything that its gradient needs.
        state: bytes of a kept state.
        memory: bytes that may be used.

    Examples:
        >>> from unroll.engine.memory.schedule import segments_by_memory
        >>> segments_by_memory(1000, step=8000, state=1000, memory=6_000_000).runs
        4
    """
    best: tuple[float, Segmentation] | None = None
    for length in candidates(T):
        n = -(-T // length)
        # what is left beside one segment for states
        slots = min(n, (memory - length * step) // max(state, 1))
        if slots < 1:
            continue
        whole = 1
        if slots == n:
            whole = min(n, (memory - n * state) // max(length * step, 1))
        segmentation = Segmentation(T, length, slots, whole)
        cost = segmentation.runs * (length + CALL)
        if best is None or cost < best[0]:
            best = (cost, segmentation)
    return None if best is None else best[1]


def candidates(T: int) -> list[int]:
    """Lengths of segments, from all of T down to 1, each about an eighth less than the one before."""
    found, length = [], T
    while length > 0:
        found.append(length)
        length = min(length - 1, -(-length * 7 // 8))
    return found
