"""Batches of similar lengths: every record once in an epoch, and a function of seed and number."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unroll.data.bucketed import Bucketed, longest_first

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=300)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 3))
def test_every_record_comes_once_an_epoch(lengths, batch_size, epoch):
    batches = Bucketed(lengths, batch_size, seed=2)
    numbers = range(epoch * batches.per_epoch, (epoch + 1) * batches.per_epoch)
    assert sorted(row for n in numbers for row in batches.rows(n)) == list(range(len(lengths)))


def test_a_batch_depends_on_its_number_alone():
    batches, again = (Bucketed(range(1, 200), 8, seed=1) for _ in range(2))
    later = again.rows(31)
    assert [batches.rows(n) for n in range(40)][31] == later
    assert Bucketed(range(1, 200), 8, seed=2).rows(31) != later


def test_similar_lengths_waste_less_than_a_shuffle():
    lengths = np.random.default_rng(0).integers(1, 100, 1000)
    assert Bucketed(lengths, 16, seed=1).waste() < 0.1


def test_for_evaluation_the_longest_come_first():
    assert longest_first([3, 9, 4], 2) == [[1, 2], [0]]
