"""The objective: the cross-entropy of whole tunes."""

from dataclasses import replace

import pytest
import torch

from unroll.models.kneser_ney import KneserNey
from unroll.tasks.music.defaults import resolve
from unroll.tasks.music.metrics import token_nats
from unroll.tasks.music.objective import MusicObjective
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.music.task import MusicTask

CPU = torch.device("cpu")


def test_the_loss_of_a_batch_is_that_of_its_tunes(data, untrained):
    network = untrained(data.preprocessor, 0)
    settings = resolve(MusicSettings(steps=9, batch_size=16, transpose=0), data)
    objective = MusicObjective(network, data, settings, CPU)
    assert objective.batches_per_epoch == 1 and objective.initial_state() is None
    batch = objective.batch(0)
    loss, state = batch.loss(None)
    nats = token_nats(network, [tune.text for tune in data.train], data.preprocessor, CPU)
    assert state is None and batch.ragged and batch.tokens == sum(map(len, nats))
    assert loss.item() == pytest.approx(sum(row.sum() for row in nats), rel=1e-4)


def test_it_is_evaluated_in_nats_per_character(data, untrained):
    network = untrained(data.preprocessor, 0)
    objective = MusicObjective(network, data, resolve(MusicSettings(steps=9), data), CPU)
    text = data.valid[0].text
    (nats,) = token_nats(network, [text], data.preprocessor, CPU)
    assert objective.evaluate()["loss"] == pytest.approx(nats.sum() / len(text))


def test_an_evaluation_during_training_leaves_the_n_grams_out(data, untrained, monkeypatch):
    network, settings = untrained(data.preprocessor, 0), resolve(MusicSettings(steps=9), data)
    loss = MusicObjective(network, data, settings, CPU).evaluate()
    data = MusicTask().fit_floor(data, settings, print)
    monkeypatch.setattr(KneserNey, "score_rows", None)
    assert MusicObjective(network, data, settings, CPU).evaluate() == loss


def test_both_sets_together_are_learned_from_in_the_end(data, untrained):
    network, settings = (
        untrained(data.preprocessor, 0),
        resolve(MusicSettings(steps=9, batch_size=16), data),
    )
    everything = MusicObjective(network, data, settings, CPU).with_validation_set()
    assert everything.data.train == data.train + data.valid
    assert everything.batch(0).loss(None)[0].isfinite()


def test_an_evaluation_may_read_fewer_tunes(data, untrained, monkeypatch):
    monkeypatch.setattr("unroll.tasks.music.objective.FEWEST_EVALUATED", 1)
    tunes = replace(data, valid=data.train[:6])
    objective = MusicObjective(
        untrained(data.preprocessor, 0), tunes, resolve(MusicSettings(steps=9), data), CPU
    )
    everything = objective.evaluate()
    assert objective.limit_evaluation(0.5) == 0.5 and len(objective.evaluated) == 3
    assert objective.limit_evaluation(0.01) == pytest.approx(1 / 6)
    assert objective.evaluated == [tunes.valid[0].text]
    assert objective.limit_evaluation(1.0) == 1 and objective.evaluate() == everything
