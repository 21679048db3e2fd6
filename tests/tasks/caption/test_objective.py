"""What the training loop asks of a captioner's objective."""

import pytest
import torch

from unroll.tasks.caption.objective import CaptionObjective
from unroll.tasks.caption.reader import read_captions


@pytest.fixture
def objective(run, place):
    data = read_captions("captions.tsv", run.settings, run.preprocessor)
    return CaptionObjective(run.model, data, run.settings, torch.device("cpu"))


def test_a_batch_has_a_loss_over_its_tokens_and_carries_nothing(objective):
    batch = objective.batch(0)
    loss, state = batch.loss(None)
    assert state is None and batch.ragged and batch.fresh and objective.initial_state() is None
    assert loss.ndim == 0 and 0 < loss.item() / batch.tokens < 10


def test_metrics_and_sample_of_the_validation_set(objective):
    metrics = objective.evaluate()
    assert set(metrics) == {"loss", "token_accuracy", "cider_d"} and metrics["cider_d"] > 5
    name, caption, reference = objective.sample().splitlines()
    assert name.endswith(".png") and caption.startswith("-> a ") and reference.startswith("   (A ")


def test_an_evaluation_may_read_fewer_captions(objective, monkeypatch):
    monkeypatch.setattr("unroll.training.objective.FEWEST_RECORDS", 2)
    monkeypatch.setattr("unroll.tasks.caption.objective.FEWEST_CAPTIONED", 1)
    everything, size = objective.evaluate(), len(objective.valid)
    assert objective.limit_evaluation(0.01) == 2 / size
    assert (len(objective.evaluated), len(objective.places)) == (2, 1)
    assert objective.evaluate()["loss"] > 0 and objective.sample()
    assert objective.limit_evaluation(1.0) == 1 and objective.evaluate() == everything


def test_the_validation_set_is_learned_from_in_the_end(objective, run):
    everything = objective.with_validation_set()
    train, valid = objective.batches.captions, objective.valid
    both = everything.batches.captions
    assert len(both) == len(train) + len(valid) == 160
    assert both.images is train.images and both.texts[len(train) :] == valid.texts
    assert everything.evaluate() == objective.evaluate()
    loss, _ = everything.batch(0).loss(None)
    loss.backward()
    assert all(p.grad is None for p in run.model.look.parameters())
    run.model.zero_grad()
