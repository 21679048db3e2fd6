"""The validation set is the same for every run, and has no label that the training set lacks."""

import numpy as np
import pytest

from unroll.data.split import (
    content_hash,
    count_shared,
    evenly_spread,
    keep_unseen_labels_in_training,
    validation_groups,
    validation_rows,
)
from unroll.errors import UserError


def test_a_tenth_and_at_most_five_thousand():
    assert [int(validation_rows(n).sum()) for n in (0, 1, 2, 95, 10**6)] == [0, 0, 1, 9, 5000]
    assert np.array_equal(validation_rows(95), validation_rows(95))


def test_unseen_labels_stay_in_training():
    labels = [("a", "b"), ("b",), ("c",), (), ("a", "c")]
    is_validation = np.array([False, True, True, True, True])
    kept, moved = keep_unseen_labels_in_training(is_validation, labels)
    assert kept.tolist() == [False, True, False, True, False] and moved == 2
    assert is_validation.sum() == 4


def test_hashes_and_counts():
    assert content_hash(b"a") == content_hash(b"a") != content_hash(b"b")
    assert count_shared([1, 2, 2], [2, 2, 3]) == 2
    assert evenly_spread(3, 5).tolist() == [0, 1, 2] and evenly_spread(9, 3).tolist() == [0, 4, 8]


def test_it_is_spread_over_the_data():
    assert all(part.any() for part in np.array_split(validation_rows(1000), 10))


def test_whole_groups_are_held_out():
    groups = [f"speaker {k % 20}" for k in range(100)]
    chosen, count = validation_groups(groups)
    held_out = {group for group, valid in zip(groups, chosen, strict=True) if valid}
    rest = {group for group, valid in zip(groups, chosen, strict=True) if not valid}
    assert count == 20 and len(held_out) == 2 and not held_out & rest
    with pytest.raises(UserError, match="All 3 records are of the group 'a'"):
        validation_groups(["a"] * 3)
