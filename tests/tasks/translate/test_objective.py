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
