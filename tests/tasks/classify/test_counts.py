"""Counting: each record left out is as if it had never been counts."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.classify import counts as module
from unroll.tasks.classify.counts import FILE, NgramCounts, class_indicators, find_features
from unroll.training.files import write_folder

V, K = 12, 3


def records(multi_label, count=40):
    draw = np.random.default_rng(0)
    lengths = draw.integers(0, 7, count)
    starts = np.cumsum([0, *lengths])
    items = draw.integers(0, V, starts[-1])
    targets = draw.random((count, K)) < 0.4 if multi_label else draw.integers(0, K, count)
    return items, starts, targets


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_without_own_counts_are_those_of_a_record_never_counted(multi_label):
    items, starts, targets = records(multi_label)
    counts = NgramCounts.learn(items, starts, targets, V, K)
    scores = counts.scores(items, starts, class_indicators(targets, K))
    parts = [items[a:b] for a, b in pairwise(starts)]
    for r, part in enumerate(parts):
        others = np.delete(np.arange(len(parts)), r)
        rest = np.concatenate([parts[k] for k in others])
        ends = np.cumsum([0, *(len(parts[k]) for k in others)])
        without = NgramCounts.learn(rest, ends, targets[others], V, K)
        without = replace(without, smoothing=counts.smoothing)
        found = without.scores(part, np.array([0, len(part)]))
        np.testing.assert_allclose(found[0], scores[r], atol=1e-5)


@pytest.mark.parametrize("multi_label", [False, True])
def test_steps_add_up_and_a_file_brings_it_back(multi_label, tmp_path):
    items, starts, targets = records(multi_label)
    counts = NgramCounts.learn(items, starts, targets, V, K)
    write_folder(tmp_path / "run", {FILE: counts.to_bytes()})
    again = NgramCounts.load(tmp_path / "run", V, K, multi_label)
    with pytest.raises(UserError, match="expected whole counts of each feature and class"):
        NgramCounts.load(tmp_path / "run", V, K + 1, multi_label)
    with pytest.raises(UserError, match="expected counts of these tokens and labels"):
        NgramCounts.load(tmp_path / "run", V + 1, K, multi_label)
    text, ends = items[:9], np.array([0, 9])
    np.testing.assert_array_equal(again.scores(text, ends), counts.scores(text, ends))
    np.testing.assert_allclose(
        again.step_scores(text).sum(0), again.scores(text, ends)[0], atol=1e-5
    )


def test_pairs_do_not_cross_records():
    row, place, key = find_features(np.array([1, 2, 3]), np.array([0, 2, 2, 3]), 10, 2)
    assert (row.tolist(), place.tolist(), key.tolist()) == ([0], [0], [12])
    assert not len(find_features(np.zeros(0, np.int32), np.array([0, 0]), 10, 2)[0])


def test_of_too_many_features_the_most_frequent_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_COUNTS", 2 * K)
    items, starts, targets = records(multi_label=False)
    counts = NgramCounts.learn(items, starts, targets, V, K)
    assert [len(keys) for keys in counts.keys] == [2, 2]
    assert np.isfinite(counts.scores(items, starts, class_indicators(targets, K))).all()
