"""The objective: batches of the training set, metrics of the validation set."""

import pytest
import torch

from unroll.tasks.transcribe.objective import TranscribeObjective


def test_batches_and_metrics(untrained):
    data, settings, network = untrained()
    objective = TranscribeObjective(network, data, settings, torch.device("cpu"))
    assert objective.batches_per_epoch == 3 and objective.unit == "characters"
    first, again = objective.batch(4), objective.batch(4)
    assert first.fresh and first.ragged and first.tokens > 0
    loss, state = first.loss(None)
    assert state is None and loss.item() == again.loss(None)[0].item()
    metrics = objective.evaluate()
    error_and_loss = metrics["character_error"] + min(metrics["loss"], 1) / 1000
    assert metrics[objective.decides] == pytest.approx(error_and_loss)
    assert objective.initial_state() is None and objective.sample() is None


def test_the_validation_set_can_be_learned_from(untrained):
    data, settings, network = untrained(count=20)
    objective = TranscribeObjective(network, data, settings, torch.device("cpu"))
    both = objective.with_validation_set()
    assert objective.batches_per_epoch == 5 and both.batches_per_epoch == 5
    every = sorted(row for k in range(5) for row in both.batches.order.rows(k))
    assert every == list(range(20))
    assert both.evaluate() == objective.evaluate() and both.model is network
