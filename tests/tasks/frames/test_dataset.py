"""Clips with their classes, and their batches."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.frames.dataset import ClipBatches, content_hash, encode_clips, make_batch
from unroll.tasks.frames.thumbnails import make_thumbnails as thumbnails


def test_a_batch_is_its_clips_concatenated(states):
    data, _ = states()
    batch = make_batch(data.train, [2, 0])
    assert batch.lengths.tolist() == [12, 12] and batch.x.shape == (24, 4)
    np.testing.assert_array_equal(batch.x[12:], data.train.values(0))
    np.testing.assert_array_equal(batch.y[:12], data.train.target(2))


def test_batches_are_a_function_of_their_number(gestures):
    data, _ = gestures()
    one, other = (ClipBatches(data.train, 8, 3) for _ in range(2))
    expected = one.batch(5)
    other.batch(1)
    np.testing.assert_array_equal(other.batch(5).x, expected.x)
    assert one.per_epoch == 4 and data.train.class_counts().sum() == 27


def test_labels_that_are_not_in_the_training_set(gestures):
    data, _ = gestures()
    clip = data.train.clips[0]
    clip.labels = ("2",)
    with pytest.raises(
        UserError, match="the label '2' is not in the training set; expected one of"
    ):
        encode_clips([clip], data.preprocessor, Problems())
    assert len(encode_clips([clip], data.preprocessor, Problems(skip=True))) == 0


def test_thumbnails_and_hashes():
    frames = np.full((3, 3, 16, 20), 7, np.uint8)
    small = thumbnails(frames)
    assert small.shape == (3, 3 * 8 * 8) and small.dtype == np.uint8 and (small == 7).all()
    numbers = np.ones((3, 2), np.float32)
    assert thumbnails(numbers) is numbers
    assert content_hash(frames) == content_hash(frames.copy()) != content_hash(frames + 1)
