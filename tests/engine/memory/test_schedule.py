"""The schedule costs what the published recursion says, and keeps no more than it may."""

import functools

import pytest

from unroll.engine.memory.schedule import (
    Advance,
    Segmentation,
    first_kept,
    forward_runs,
    schedule,
    segments_by_length,
    segments_by_memory,
    split,
)


@functools.cache
def published(n, m):
    """C(n, m) of Gruslys et al. 2016, by brute force."""
    if n == 1:
        return 1
    if m == 1:
        return n * (n + 1) // 2
    return min(y + published(n - y, m - 1) + published(y, m) for y in range(1, n))


def played(n, m):
    """Runs of segments, the most states kept at once, and the order of reversal."""
    kept, runs, most, order = {0}, 0, 1, []
    for action in schedule(n, m):
        if isinstance(action, Advance):
            assert action.start in kept
            runs += action.stop - action.start
            kept.add(action.stop)
            most = max(most, len(kept))
        else:
            assert action.segment in kept
            runs += 1
            order.append(action.segment)
            kept.discard(action.segment)
    return runs, most, order


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12, 25, 40])
def test_the_schedule_is_the_published_optimum(n):
    for m in range(1, n + 3):
        assert forward_runs(n, m) == published(n, m)
        runs, most, order = played(n, m)
        assert runs == published(n, m)
        assert most <= m + 1  # one is gone back from at once
        assert order == list(range(n))[::-1]


def test_a_better_split_does_not_exist():
    for n in range(2, 30):
        for m in range(2, n):
            y = split(n, m)
            assert y + published(n - y, m - 1) + published(y, m) == published(n, m)


def test_the_first_sweep_keeps_what_the_schedule_first_advances_to():
    for n, m in [(1, 1), (5, 5), (20, 4), (20, 20), (100, 7)]:
        swept = [0]
        for action in schedule(n, m):
            if not isinstance(action, Advance):
                break
            swept.append(action.stop)
        assert first_kept(n, m) == swept


def test_the_square_root_is_the_length_left_out():
    assert segments_by_length(1_000_000, None) == Segmentation(1_000_000, 1000, 1000)
    assert segments_by_length(10, 3).segments == 4
    assert segments_by_length(1, None).segments == 1


@pytest.mark.parametrize("memory", [9_100, 20_000, 100_000, 1_000_000, 7_900_000])
def test_a_memory_is_used_and_not_exceeded(memory):
    step, state = 8_000, 1_000
    segmentation = segments_by_memory(1000, step, state, memory)
    assert segmentation.whole * segmentation.length * step + segmentation.states * state <= memory
    more = segments_by_memory(1000, step, state, 2 * memory)
    assert more.runs * more.length <= segmentation.runs * segmentation.length


def test_what_fits_is_not_cut_and_what_cannot_fit_is_none():
    assert segments_by_memory(1000, 8_000, 1_000, 8_001_000).segments == 1
    assert segments_by_memory(1000, 8_000, 1_000, 8_999) is None
