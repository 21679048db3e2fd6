"""Records become numbers, and batches are a function of seed and number."""

import numpy as np
import pytest
import torch

from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.errors import UserError
from unroll.tasks.classify.labelled import (
    ClassifyBatches,
    balanced_weights,
    class_counts,
    encode_records,
    hash_value,
    make_batch,
)


def test_batches_are_a_function_of_seed_and_number(tmp_path, write_reviews, begin):
    _, data, _ = begin(write_reviews(tmp_path / "train.csv", 100))
    one, other = (ClassifyBatches(data.train, 8, seed=3) for _ in range(2))
    for number in (15, 3, 14):
        assert torch.equal(one.batch(number).x, other.batch(number).x)
    rows = sorted(r for n in range(one.per_epoch) for r in one.order.rows(n))
    assert rows == list(range(len(data.train)))


def test_a_batch_is_padded_with_zeros(tmp_path, write_reviews, begin):
    _, data, _ = begin(write_reviews(tmp_path / "train.csv", 60))
    batch = make_batch(data.train, [4, 1])
    assert len(batch) == 2 and batch.x.shape == (int(batch.lengths.max()), 2)
    for b, row in enumerate([4, 1]):
        n = int(batch.lengths[b])
        assert batch.x[:n, b].tolist() == data.train.values(row).tolist()
        assert not batch.x[n:, b].any()


def test_balanced_classes_weigh_the_same(tmp_path, begin):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "one,a\n" * 90 + "two,b\n" * 10)
    _, data, _ = begin(str(path))
    weights = balanced_weights(data.train, 2) * class_counts(data.train, 2)
    assert weights.tolist() == pytest.approx([len(data.train) / 2] * 2)


def test_unseen_labels_are_kept_and_long_records_are_bad(tmp_path, write_reviews, begin):
    _, data, _ = begin(write_reviews(tmp_path / "train.csv", 60), longest=3)
    odd = Record("film", ("odd",), "new.csv, line 3")
    long = Record("a film and songs", ("fine",), "new.csv, line 4")
    with pytest.raises(UserError, match="line 4: 4 words; expected at most 3"):
        encode_records([long], data.preprocessor, Problems(), refuse_long=True)
    problems = Problems(skip=True)
    encoded = encode_records([odd, long], data.preprocessor, problems)
    assert problems.count == 0 and len(encoded) == 2 and encoded.truncated == 1
    assert encoded.targets.tolist() == [-1, 0] and encoded.unseen_labels == ["odd"]
    known = encoded.with_known_labels()
    assert known.truncated == 1 and encoded.take([0]).truncated == 0
    assert known.lengths.tolist() == [3] and known.texts == ["a film and songs"]
    both = known.joined(known)
    assert both.lengths.tolist() == [3, 3] and both.values(1).tolist() == known.values(0).tolist()


def test_the_hash_of_a_text_ignores_case_and_spaces():
    assert hash_value("A  film ") == hash_value("a film") != hash_value("a films")
    assert hash_value(np.zeros(2)) != hash_value(np.ones(2))
