"""Sizes follow the seconds, the machine and the text; what was given stays."""

import pytest

from unroll.cells import LSTMCell
from unroll.tasks.language.budget_sizes import (
    best_dropout,
    best_rate,
    fit_to_budget,
    fits_budget,
)
from unroll.tasks.language.defaults import resolve, resolve_sizes
from unroll.tasks.language.reader import read_corpus
from unroll.tasks.language.settings import LanguageSettings


def test_a_text_that_is_read_often_has_more_dropout():
    assert [best_dropout("char", epochs) for epochs in (0.1, 2, 8, 10**6)] == [0, 0, 0.2, 0.5]
    assert [best_dropout("word", epochs) for epochs in (0.1, 1, 4)] == [0.02, 0.2, 0.4]


def test_large_networks_and_small_batches_have_lower_rates():
    rates = [best_rate("char", hidden, 1, 1024) for hidden in (32, 256, 384, 1024)]
    assert rates == [0.015, 0.012, 0.0078, 0.0029]
    assert best_rate("char", 256, 1, 256) == 0.0059 and best_rate("word", 256, 1, 1024) < 0.006


@pytest.mark.parametrize(
    "options",
    [{"steps": 5}, {"epochs": 1}, {"cell": "min_gru"}, {"online": "rtrl"}, {"device": "cuda"}],
)
def test_other_budgets_cells_and_devices_have_fixed_sizes(options):
    assert fits_budget(LanguageSettings()) and not fits_budget(LanguageSettings(**options))


def test_what_is_left_open_is_fitted_and_what_was_given_stays(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("the rose is red and the sky is blue.\n" * 2000)
    corpus = read_corpus(tmp_path / "a.txt", LanguageSettings())
    name = "unroll.tasks.reference_step.step_seconds"
    monkeypatch.setattr(
        name, lambda settings, vocabulary, units, most, tie: 0.05 * (units / 256) ** 1.2
    )
    settings = resolve_sizes(LanguageSettings(seconds=60), LSTMCell)
    assert settings.hidden is None
    found = resolve(settings, corpus)
    assert (found.hidden, found.embedding, found.tie) == (224, 128, False)
    assert (found.batch_size, found.learning_rate) == (16, 0.013) and found.dropout > 0
    given = LanguageSettings(seconds=60, hidden=48, batch_size=5, dropout=0.0, learning_rate=0.1)
    kept = fit_to_budget(given, corpus)
    values = (kept.hidden, kept.batch_size, kept.dropout, kept.learning_rate)
    assert values == (48, 5, 0.0, 0.1)
