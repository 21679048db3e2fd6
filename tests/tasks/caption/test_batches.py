"""Batches of captions and images."""

import torch

from unroll.tasks.caption.batches import CaptionBatches, groups_in_time
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings


def test_batches_are_of_like_lengths_and_depend_on_seed_and_number_alone(folder, write_table):
    data = read_captions(write_table(), CaptionSettings())
    batches = CaptionBatches(data.train, 8, 3)
    again = CaptionBatches(data.train, 8, 3)
    later = again.batch(batches.per_epoch + 1)
    assert torch.equal(batches.batch(batches.per_epoch + 1).target, later.target)
    batch = batches.batch(0)
    assert batch.tokens == int(batch.weight.sum()) == int(batch.lengths.sum())
    assert torch.equal(batch.inputs[1:], batch.target[:-1])
    seen = sum(len(batches.batch(k).lengths) for k in range(batches.per_epoch))
    assert seen == len(data.train)


def test_groups_end_when_the_time_is_over():
    assert list(groups_in_time([5, 6, 7], 2, None)) == [[5, 6], [7]]
    ((first, second),) = groups_in_time(range(100), 2, 0.0)
    assert first != second
    everything = [row for group in groups_in_time(range(10), 3, 60.0) for row in group]
    assert sorted(everything) == list(range(10)) != everything


def test_sets_of_other_images_are_joined(folder, write_table):
    data = read_captions(write_table(), CaptionSettings())
    other = read_captions(write_table(12, "other.csv"), CaptionSettings()).valid
    both = data.train.joined(other)
    rows = [0, len(data.train), len(both) - 1]
    images = both.batch(rows).images
    first, last = data.train.batch([0]).images[0], other.batch([len(other) - 1]).images[0]
    assert torch.equal(images[0], first) and torch.equal(images[2], last)
    assert both.texts[rows[2]] == other.texts[-1] and both.image_count > data.train.image_count
    shared = data.train.joined(data.valid)
    assert shared.images is data.train.images and len(shared) == len(data.train) + len(data.valid)
