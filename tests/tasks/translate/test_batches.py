"""Batches of pairs: little padding, every pair once per epoch, teacher forcing that falls."""

import torch

from unroll.data.vocabulary import BOUNDARY
from unroll.tasks.translate.batches import (
    EncodedPairs,
    PairBatches,
    SequenceArray,
    evaluation_batches,
)
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.preprocessor import PairPreprocessor, learn_preprocessor
from unroll.tasks.translate.reader import encode_pairs
from unroll.tasks.translate.settings import TranslateSettings


def test_batches_are_padded_little_and_every_pair_comes_once():
    draw = torch.Generator().manual_seed(1)
    sizes = torch.randint(1, 9, (2, 100), generator=draw).tolist()
    pairs = [Pair("a" * n, "b" * m) for n, m in zip(*sizes, strict=True)]
    preprocessor = PairPreprocessor(
        *[learn_preprocessor(lambda: pairs, TranslateSettings(level="char")).target] * 2, 8
    )
    encoded = encode_pairs(pairs, preprocessor)
    batches = PairBatches(encoded, 8, seed=1, forcing=0.5, forcing_epochs=2)
    assert batches.per_epoch == 13
    seen = 0
    for number in range(13):
        batch = batches.batch(number)
        again = PairBatches(encoded, 8, seed=1).batch(number)
        assert torch.equal(batch.source, again.source) and torch.equal(batch.target, again.target)
        assert batch.tokens == int(batch.weight.sum())
        assert (batch.inputs[0] == BOUNDARY).all()
        assert torch.equal(batch.inputs[1:], batch.target[:-1])
        ends = batch.weight.sum(0) - 1
        assert (batch.target.gather(0, ends[None]) == BOUNDARY).all()
        seen += batch.source.shape[1]
    assert seen == 100
    assert batches.waste() < 0.25
    assert batches.batch(0).forcing == 1 and batches.batch(13).forcing == 0.75
    assert batches.batch(300).forcing == 0.5
    rows = [row for rows, _ in evaluation_batches(encoded, 7) for row in rows]
    assert sorted(rows) == list(range(100))


def test_sequences_may_be_none_or_empty():
    assert len(SequenceArray([])) == 0
    some = SequenceArray([[1, 2], [], [3]])
    assert [some[k].tolist() for k in range(3)] == [[1, 2], [], [3]]


def test_pairs_are_joined_but_for_longer_ones():
    train = EncodedPairs(SequenceArray([[2, 3]]), SequenceArray([[2]]))
    valid = EncodedPairs(SequenceArray([[4], [2]]), SequenceArray([[5], [2, 3]]))
    joined = train.joined(valid)
    assert [ids.tolist() for ids in joined.source] == [[2, 3], [4]]
    assert [ids.tolist() for ids in joined.target] == [[2], [5]]
