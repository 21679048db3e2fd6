"""The simple model is fitted again with the validation set, and is known on halves it has not seen."""

import random

import numpy as np
import pytest

from unroll.models.linear_chain import ChainOrder, chain_sums
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor_fitting import fit_tag_floor
from unroll.tasks.tag.floor_refitting import loss_of, refit_tag_floor
from unroll.tasks.tag.preprocessor import TagPreprocessor


def sentences(words, count, seed):
    """Sentences of three words, each with the tags N and V by turns, one in ten of them wrong."""
    draw = random.Random(seed)
    chosen = [draw.choices(range(len(words)), k=3) for _ in range(count)]
    return [
        Sentence(
            tuple(words[k] for k in own), tuple("NV"[(k + (draw.random() < 0.1)) % 2] for k in own)
        )
        for own in chosen
    ]


TRAIN = sentences(["rose", "reads", "lily", "runs"], 200, 1)
OTHER = sentences(["Fahrt", "sieht", "Haus", "wohnt", "Baum", "singt"], 80, 2)
PREPROCESSOR = TagPreprocessor.learn(TRAIN, ["N", "V"])
FLOOR = fit_tag_floor(TRAIN, (), PREPROCESSOR, penalty=0.3)


def test_a_validation_set_of_another_kind_is_scored_by_models_that_have_not_seen_it():
    shares = []
    found = refit_tag_floor(FLOOR, TRAIN, OTHER, PREPROCESSOR, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1
    first, second = found.crossed
    assert found.floor.record.refitted and found.floor.record.penalty == 0.3
    assert [*found.halves[0], *found.halves[1]] == OTHER
    rows = range(3, 80, 9)  # sentences that a calibration reads
    some = [OTHER[k] for k in rows]
    expected = np.concatenate(
        [(first if k < 40 else second).scores([s]).numpy() for k, s in zip(rows, some, strict=True)]
    )
    np.testing.assert_allclose(found.unseen_scores(some), expected, rtol=1e-6)
    # each learns from its half, and gains on the other one
    for floor, half in zip(found.crossed, found.halves, strict=True):
        assert loss_of(floor, half, PREPROCESSOR) < 0.95 * loss_of(FLOOR, half, PREPROCESSOR)
    # the last model knows both
    assert loss_of(found.floor, OTHER, PREPROCESSOR) < loss_of(first, OTHER, PREPROCESSOR)


def test_a_validation_set_that_teaches_nothing_needs_no_crossing():
    more = [Sentence((f"{k}",), (random.Random(k).choice("NV"),)) for k in range(40)]
    found = refit_tag_floor(FLOOR, TRAIN, more, PREPROCESSOR, [].append)
    assert not found.crossed and found.floor.record.refitted


@pytest.mark.parametrize("valid", [[], OTHER[:1], [Sentence(("x",), ("unseen",))] * 4])
def test_a_validation_set_of_hardly_anything(valid):
    found = refit_tag_floor(FLOOR, TRAIN, valid, PREPROCESSOR, [].append)
    assert not found.crossed and found.floor.record.refitted


def test_it_begins_where_the_model_ended_and_ends_in_time():
    before = loss_of(FLOOR, TRAIN, PREPROCESSOR)
    for seconds in (None, 1e-9):
        again = refit_tag_floor(FLOOR, TRAIN, OTHER, PREPROCESSOR, [].append, seconds=seconds)
        assert bool(again.crossed) == (seconds is None)
        assert loss_of(again.floor, TRAIN, PREPROCESSOR) < 1.5 * before


def test_the_loss_is_that_of_the_chain():
    order = ChainOrder([3] * len(TRAIN))
    labels = np.concatenate([PREPROCESSOR.label_numbers(s.tags) for s in TRAIN])[order.order]
    scores = FLOOR.scores(TRAIN).numpy()[order.order]
    expected = chain_sums(scores, labels, order, FLOOR.chain).loss
    assert loss_of(FLOOR, TRAIN, PREPROCESSOR) == pytest.approx(expected)
