"""Dropout and learning rate fit how often a budget reads the texts; what is given is kept."""

import pytest
import torch

from unroll.tasks.classify import budget_rates
from unroll.tasks.classify.budget_rates import (
    best_dropout,
    best_rate,
    epochs_of_budget,
    fits_budget,
)
from unroll.tasks.classify.settings import DROPOUT, LEARNING_RATES


def test_they_change_with_the_epochs():
    assert [best_dropout(epochs) for epochs in (0.3, 1, 8, 64, 100)] == [
        0.1,
        0.1,
        0.3,
        0.5,
        DROPOUT,
    ]
    assert [best_rate(epochs) for epochs in (0.3, 1, 8)] == [6e-3, 6e-3, 4e-3]
    assert best_rate(100) == LEARNING_RATES["adamw"]


def test_what_is_given_is_kept_and_other_budgets_have_the_usual_values(
    tmp_path, write_reviews, begin
):
    data = write_reviews(tmp_path / "train.csv", 800)
    found, _, _ = begin(data, seconds=0.1)
    assert (found.dropout, found.dropout_input, found.learning_rate) == (0.1, 0.1, 6e-3)
    own, _, _ = begin(data, seconds=0.1, dropout=0.4, learning_rate=1e-3)
    assert (own.dropout, own.learning_rate) == (0.4, 1e-3)
    # a run of steps that is resumed with more of them has the rate of an unbroken one
    for other in ({"steps": 2}, {}, {"seconds": 0.1, "cell": "irnn"}):
        usual, _, _ = begin(data, **other)
        assert (usual.dropout, usual.learning_rate) == (DROPOUT, LEARNING_RATES["adamw"])


def test_a_step_is_timed_in_a_budget_of_seconds(tmp_path, write_reviews, begin, monkeypatch):
    settings, data, _ = begin(write_reviews(tmp_path / "train.csv", 80), seconds=2)
    assert epochs_of_budget(settings, data) == pytest.approx(0.7 * 2 / 0.02 * 32 / 72)
    before = torch.random.get_rng_state()
    longer = settings.model_copy(update={"seconds": 8.0})
    assert epochs_of_budget(longer, data) > 0
    assert torch.equal(torch.random.get_rng_state(), before)
    monkeypatch.setattr(budget_rates, "seconds_of_step", lambda step, threads, most: 0.7 * 8 / 9)
    assert epochs_of_budget(longer, data) == pytest.approx(4)
    assert fits_budget(longer, data.preprocessor)
