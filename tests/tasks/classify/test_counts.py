"""Counting: each record left out is as if it had never been counted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from unroll.data import counted as module
from unroll.tasks.classify.counts import Counted, features, owned

V, K = 12, 3


def records(several, count=40):
    draw = np.random.default_rng(0)
    lengths = draw.integers(0, 7, count)
    starts = np.cumsum([0, *lengths])
    items = draw.integers(0, V, starts[-1])
    targets = draw.random((count, K)) < 0.4 if several else draw.integers(0, K, count)
    return items, starts, targets


@pytest.mark.parametrize("several", [False, True])
def test_a_record_left_out_is_one_that_was_never_counted(several):
    items, starts, targets = records(several)
    counted = Counted.learn(items, starts, targets, V, K)
    scores = counted.scores(items, starts, owned(targets, K))
    parts = [items[a:b] for a, b in pairwise(starts)]
    for r, part in enumerate(parts):
        others = np.delete(np.arange(len(parts)), r)
        rest = np.concatenate([parts[k] for k in others])
        ends = np.cumsum([0, *(len(parts[k]) for k in others)])
        without = Counted.learn(rest, ends, targets[others], V, K)
        without = replace(without, added=counted.added)
        found = without.scores(part, np.array([0, len(part)]))
        np.testing.assert_allclose(found[0], scores[r], atol=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_steps_add_up_and_a_file_brings_it_back(several, tmp_path):
    items, starts, targets = records(several)
    counted = Counted.learn(items, starts, targets, V, K)
    (tmp_path / "counts").write_bytes(counted.file())
    again = Counted.load(tmp_path / "counts")
    text, ends = items[:9], np.array([0, 9])
    np.testing.assert_array_equal(again.scores(text, ends), counted.scores(text, ends))
    np.testing.assert_allclose(again.of_steps(text).sum(0), again.scores(text, ends)[0], atol=1e-5)


def test_pairs_do_not_cross_records():
    row, place, key = features(np.array([1, 2, 3]), np.array([0, 2, 2, 3]), 10, 2)
    assert (row.tolist(), place.tolist(), key.tolist()) == ([0], [0], [12])
    assert not len(features(np.zeros(0, np.int32), np.array([0, 0]), 10, 2)[0])


def test_of_too_many_features_the_commonest_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2 * K)
    items, starts, targets = records(several=False)
    counted = Counted.learn(items, starts, targets, V, K)
    assert [len(keys) for keys in counted.keys] == [2, 2]
    assert np.isfinite(counted.scores(items, starts, owned(targets, K))).all()
