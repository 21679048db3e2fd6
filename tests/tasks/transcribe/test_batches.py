"""Batches are a function of their number; scales of speakers; what fits its text."""

from dataclasses import replace

import numpy as np
import torch

from unroll.tasks.transcribe.batches import TranscribeBatches, TranscribeDataset, make_batch
from unroll.tasks.transcribe.perturbation import Perturbation


def test_batches_are_a_function_of_their_number(speech_data):
    data, _ = speech_data()
    changes = Perturbation(0.1, 0.2, 1.0, 0.2, 1.0)
    batches = TranscribeBatches(data.train, 8, 3, changes)
    other = TranscribeBatches(
        TranscribeDataset(data.train.records, data.preprocessor), 8, 3, changes
    )
    first = batches.batch(5)
    other.batch(1)
    assert torch.equal(first.x, other.batch(5).x) and torch.equal(first.y, other.batch(5).y)
    assert not torch.equal(first.x, TranscribeBatches(data.train, 8, 3, None).batch(5).x)


def test_a_batch_is_its_records_padded(speech_data):
    data, _ = speech_data()
    batch = make_batch(data.train, [0, 1, 2])
    assert batch.lengths.tolist() == data.train.lengths[:3].tolist()
    assert batch.y.tolist() == [token for text in data.train.tokens[:3] for token in text]
    assert torch.equal(batch.x[: batch.lengths[1], 1], data.train.features(1))


def test_speakers_have_their_own_scales(speech_data):
    data, _ = speech_data(speaker="who")
    speakers = [record.speaker for record in data.train.records]
    one, other = speakers.index("a"), speakers.index("b")
    assert not np.array_equal(data.train.scale(one)[0], data.train.scale(other)[0])
    assert speech_data()[0].train.scale(0) is None


def test_a_long_text_does_not_fit(speech_data):
    data, _ = speech_data()
    record = data.train.records[0]
    long = replace(record, text="low " * 500)
    dataset = TranscribeDataset([record, long], data.preprocessor)
    assert dataset.fits(0) and not dataset.fits(1)
