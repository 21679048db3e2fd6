"""The objective: batches of the training set, metrics of the validation set."""

import torch

from unroll.tasks.frames.objective import FramesObjective


def test_batches_and_metrics(gestures, untrained):
    data, settings = gestures(class_weights="balanced")
    network = untrained(data, settings)
    objective = FramesObjective(network, data, settings, torch.device("cpu"))
    assert objective.batches_per_epoch == 1 and objective.unit == "clips"
    counts = data.train.class_counts()
    torch.testing.assert_close(
        network.weights, torch.tensor(27 / (2 * counts), dtype=torch.float32)
    )
    batch = objective.batch(0)
    assert batch.tokens == 27 and batch.fresh and batch.ragged
    loss, state = batch.loss(None)
    assert state is None and loss.isfinite()
    metrics = objective.evaluate()
    assert objective.decides in metrics and metrics["error"] == 1 - metrics["accuracy"]


def test_both_sets_together_are_learned_from_in_the_end(gestures, untrained):
    data, settings = gestures()
    objective = FramesObjective(untrained(data, settings), data, settings, torch.device("cpu"))
    everything = objective.with_validation_set()
    clips = everything.data.train
    assert len(clips) == len(data.train) + len(data.valid)
    last = len(clips) - 1
    assert (clips.values(last) == data.valid.values(len(data.valid) - 1)).all()
    assert clips.target(last) == data.valid.target(len(data.valid) - 1)
    assert everything.batch(0).loss(None)[0].isfinite()


def test_an_evaluation_may_read_fewer_clips(gestures, untrained, monkeypatch):
    monkeypatch.setattr("unroll.training.objective.FEWEST_RECORDS", 2)
    data, settings = gestures()
    objective = FramesObjective(untrained(data, settings), data, settings, torch.device("cpu"))
    everything = objective.evaluate()
    assert objective.limit_evaluation(0.01) == 2 / len(data.valid)
    assert len(objective.evaluated) == 2 and objective.evaluate()["accuracy"] * 2 % 1 == 0
    assert objective.limit_evaluation(1.0) == 1 and objective.evaluate() == everything
