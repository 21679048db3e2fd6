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
