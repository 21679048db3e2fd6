"""What the training loop asks of a translator's objective."""

import pytest
import torch

from unroll.tasks.translate.objective import TranslateObjective
from unroll.tasks.translate.reader import read_pairs


@pytest.fixture
def objective(run, place):
    settings = run.settings.model_copy(update={"teacher_forcing": 0.5, "forcing_epochs": 1})
    data = read_pairs("pairs.tsv", settings, run.preprocessor)
    return TranslateObjective(run.model, data, settings, torch.device("cpu"))


def test_a_batch_has_a_loss_over_its_tokens_and_carries_nothing(objective):
    batch = objective.batch(0)
    loss, state = batch.loss(None)
    assert state is None and batch.ragged and batch.fresh
    assert loss.ndim == 0 and 0 < loss.item() / batch.tokens < 10
    assert objective.initial_state() is None
    forcing = [objective.batches.batch(n).forcing for n in (0, objective.batches_per_epoch)]
    assert forcing == [1.0, 0.5]


def test_metrics_and_sample_of_the_validation_set(objective):
    metrics = objective.evaluate()
    assert set(metrics) == {"loss", "perplexity", "token_accuracy", "bleu", "exact_match"}
    source, target = objective.translated[0]
    lines = objective.sample().splitlines()
    assert lines[0] == source and lines[2] == f"   ({target})"


def test_decoding_metrics_wait_until_the_loss_can_mean_something(objective):
    objective.frequencies = 1e-3
    assert set(objective.evaluate()) == {"loss", "perplexity", "token_accuracy"}


def test_the_same_network_learns_from_the_validation_set_too(objective):
    both = objective.with_validation_set()
    assert both.network is objective.network
    known, all_pairs = objective.batches.pairs, both.batches.pairs
    assert len(all_pairs) == len(known) + len(objective.data.valid)
    assert both.evaluate()["loss"] == objective.evaluate()["loss"]


def test_an_evaluation_of_a_share_reads_the_same_spread_pairs(objective, monkeypatch):
    monkeypatch.setattr("unroll.tasks.translate.objective.FEWEST", 5)
    whole = len(objective.evaluated)
    assert objective.limit_evaluation(0.5) and len(objective.evaluated) == round(whole / 2)
    assert objective.evaluate()["loss"] == objective.evaluate()["loss"]
    objective.limit_evaluation(0.001)
    assert len(objective.evaluated) == 5
    objective.limit_evaluation(1.0)
    assert len(objective.evaluated) == whole


def test_the_end_of_a_budget_of_seconds_is_a_part_of_it(objective):
    objective.settings = objective.settings.model_copy(update={"seconds": 1e-6})
    objective.evaluate()
    assert objective.ending_evaluations == 1
    objective.settings = objective.settings.model_copy(update={"seconds": 1e6})
    objective.evaluate()
    assert objective.ending_evaluations == 100
