"""Counts of grams: against counts in a dictionary, with and without sequences that do not know each other."""

from collections import Counter

import numpy as np
import pytest

from unroll.models.gram_counts import GramCounts


def grams_of(counts: GramCounts, length: int) -> list[tuple[int, ...]]:
    """The grams of a length, in the order of their rows."""
    if length == 0:
        return [()]
    shorter, V = grams_of(counts, length - 1), counts.vocabulary_size
    return [(*shorter[key // V], key % V) for key in counts.keys[length - 1].tolist()]


@pytest.mark.parametrize("boundary", [None, 0])
def test_grams_and_what_comes_before_them_are_those_of_a_dictionary(boundary):
    ids = [0, *np.random.default_rng(1).integers(4, size=80).tolist(), 0]
    counts = GramCounts.of(np.array(ids), 4, 4, boundary)
    assert counts.order == 4
    for n in range(1, 5):
        windows = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
        if boundary is not None:
            windows = [gram for gram in windows if boundary not in gram[1:-1]]
        expected = Counter(windows)
        assert (
            dict(zip(grams_of(counts, n), counts.counts[n - 1].tolist(), strict=True)) == expected
        )
        if n == 4:
            break
        before = Counter()
        longer = {(None, *ids[:n])}
        longer |= {tuple(ids[i : i + n + 1]) for i in range(len(ids) - n)}
        for gram in longer:
            if boundary is None or boundary not in gram[1:-1]:
                before[gram[1:]] += 1
        for gram, found in zip(grams_of(counts, n), counts.different[n - 1].tolist(), strict=True):
            starts = boundary is not None and n > 1 and gram[0] == boundary
            assert found == (expected[gram] if starts else before[gram]), gram


def test_a_sequence_shorter_than_the_order_has_no_longer_grams():
    assert GramCounts.of(np.array([1, 2]), 3, 9).order == 2


def test_short_lines_have_no_long_grams():
    ids = np.array([0, 1, 2, 0, 3, 0])
    counts = GramCounts.of(ids, 4, 6, boundary=0)
    assert counts.order == 4
    assert grams_of(counts, 3) == [(0, 1, 2), (0, 3, 0), (1, 2, 0)]
    assert counts.different[1].tolist() == [1, 1, 1, 1, 1]
