"""Batches: the same for the same number; long tunes in parts."""

import torch

from unroll.tasks.music.batches import TuneBatches
from unroll.tasks.music.preprocessor import BOUNDARY
from unroll.tasks.music.settings import MusicSettings


def test_a_batch_depends_on_its_number_alone(data):
    texts = [tune.text for tune in data.train]
    given = MusicSettings(batch_size=4, transpose=1.0)
    first, second = (TuneBatches(texts, data.preprocessor, given) for _ in range(2))
    for _ in range(3):
        first.batch(2)
    assert torch.equal(first.batch(7).x, second.batch(7).x)
    assert not torch.equal(first.batch(7).x[:9], first.batch(8).x[:9])
    batch = first.batch(0)
    assert (batch.x[0] == BOUNDARY).all() and batch.tokens == int(batch.lengths.sum())


def test_long_tunes_are_learned_in_parts(data):
    texts = [tune.text for tune in data.train]
    given = MusicSettings(batch_size=3, longest=16, transpose=0)
    batches = TuneBatches(texts, data.preprocessor, given)
    assert batches.divided == 11
    tokens = sum(batches.batch(n).tokens for n in range(batches.per_epoch))
    assert tokens == sum(len(data.preprocessor.encode(text)) + 1 for text in texts)
