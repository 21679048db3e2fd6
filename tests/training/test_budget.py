"""How far a run is, and the learning rate that follows from it."""

import pytest

from unroll.settings import TrainingSettings
from unroll.training.budget import DEFAULT_SECONDS, Budget, fill_in_budget, rate_factor


@pytest.mark.parametrize(
    ("settings", "budget"),
    [
        ({"steps": 7}, Budget("steps", 7)),
        ({"epochs": 3}, Budget("steps", 30)),
        ({"seconds": 4}, Budget("seconds", 9)),  # on top of those spent before
        ({}, Budget("seconds", 5 + DEFAULT_SECONDS)),
    ],
)
def test_steps_and_epochs_are_totals_and_seconds_come_on_top(settings, budget):
    assert Budget.of(TrainingSettings(**settings), per_epoch=10, spent=5.0) == budget


def test_the_share_is_of_what_the_budget_counts():
    assert Budget("steps", 10).share(5, 1e9) == 0.5
    assert Budget("seconds", 10).share(10**9, 2.5) == 0.25
    assert Budget("steps", 10).share(11, 0) == 1.0


@pytest.mark.parametrize(
    ("schedule", "share", "warm_up", "factor"),
    [
        ("constant", 0.0, 0.0, 1.0),
        ("constant", 1.0, 0.1, 1.0),
        ("constant", 0.05, 0.1, 0.5),
        ("plateau", 0.5, 0.1, 1.0),
        ("cosine", 0.0, 0.1, 0.01),  # not lost
        ("cosine", 0.05, 0.1, 0.5),
        ("cosine", 0.1, 0.1, 1.0),
        ("cosine", 0.55, 0.1, 0.5),
        ("cosine", 1.0, 0.1, 0.0),
        ("cosine", 0.0, 0.0, 1.0),
    ],
)
def test_the_rate_rises_and_falls_as_the_schedule_says(schedule, share, warm_up, factor):
    assert rate_factor(schedule, share, warm_up) == pytest.approx(factor, abs=1e-12)


def test_the_cosine_never_rises_after_the_warm_up():
    found = [rate_factor("cosine", k / 1000, 0.02) for k in range(20, 1001)]
    assert found == sorted(found, reverse=True)


def test_without_a_budget_a_run_has_patience_and_enough_steps():
    settings, sentences = fill_in_budget(TrainingSettings(), per_epoch=38)
    assert (settings.patience, settings.epochs) == (6, None) and len(sentences) == 1
    settings, sentences = fill_in_budget(TrainingSettings(epochs=12), per_epoch=38)
    assert (settings.patience, settings.epochs) == (4, 27)
    assert sentences[1].startswith("Small data: 27 epochs of 38 steps (--seconds")
    settings, _ = fill_in_budget(TrainingSettings(epochs=12, patience=2), per_epoch=100)
    assert (settings.patience, settings.epochs) == (2, 12)
