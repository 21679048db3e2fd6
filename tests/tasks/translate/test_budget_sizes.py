"""Sizes that fit the seconds of a run."""

import pytest
import torch

from unroll.tasks.translate import budget_sizes
from unroll.tasks.translate.budget_sizes import (
    UNITS,
    best_dropout,
    best_rate,
    fit_to_budget,
    fits_budget,
    usual_rows,
)
from unroll.tasks.translate.pairs import Pair
from unroll.tasks.translate.preprocessor import learn_preprocessor
from unroll.tasks.translate.reader import encode_pairs
from unroll.tasks.translate.settings import TranslateSettings


def test_more_time_means_larger_networks_and_few_pairs_smaller_ones():
    sizes = [UNITS.units(steps, 10**6) for steps in (1, 100, 1000, 5000, 40_000, 10**6)]
    assert sizes == sorted(sizes) and sizes[0] == 64 and sizes[-2:] == [512, 512]
    assert UNITS.units(10**6, 10_000) == 96


def test_dropout_grows_with_the_epochs_and_the_rate_falls_with_the_units():
    assert [best_dropout("bpe", epochs) for epochs in (0.2, 2, 8, 1000)] == [0, 0.1, 0.3, 0.4]
    assert best_dropout("char", 1000) == 0.2
    assert [best_rate(hidden) for hidden in (64, 256, 512)] == [6e-3, 4e-3, 2e-3]


@pytest.mark.parametrize(
    "other", [{"steps": 3}, {"device": "cuda"}, {"cell": "jordan"}, {"optimizer": "sgd"}], ids=str
)
def test_other_budgets_and_networks_keep_their_sizes(other):
    assert fits_budget(TranslateSettings(level="char"))
    assert not fits_budget(TranslateSettings(**other))


@pytest.mark.parametrize("seconds", [1.0, 20.0])
def test_what_was_given_stays_and_nothing_random_is_touched(pairs_of, seconds, monkeypatch):
    monkeypatch.setattr(budget_sizes, "REFERENCE", 16)
    pairs = list(pairs_of(50))
    settings = TranslateSettings(seconds=seconds, level="word", threads=1, dropout=0.25)
    preprocessor = learn_preprocessor(lambda: pairs, settings)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    found = fit_to_budget(settings, preprocessor, encode_pairs(pairs, preprocessor))
    assert torch.equal(before, torch.get_rng_state()) and torch.get_num_threads() == threads
    assert found.dropout == 0.25 and found.hidden == 64 and found.encoder_hidden == 32
    assert found.embedding == 32 and found.learning_rate == 6e-3
    assert found.batch_size == 32


def test_the_timed_pairs_have_the_usual_length():
    settings = TranslateSettings(level="word", min_count=1)
    pairs = [Pair("a " * n, "b") for n in (1, 2, 3, 100)]
    encoded = encode_pairs(pairs, learn_preprocessor(lambda: pairs, settings))
    assert usual_rows(encoded)[0] == 2 and len(usual_rows(encoded)) == 4
