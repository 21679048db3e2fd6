import pytest
import torch

from unroll.errors import UserError
from unroll.inspect.recorded_batches import data_objective, recorded_batches
from unroll.training.objective import TrainingBatch


def test_every_call_of_a_recurrent_layer_is_recorded(translator, runs):
    objective = data_objective(translator, runs["translate"].parent / "pairs.tsv")
    objective.model.train()
    calls = next(recorded_batches(objective))
    assert {call.name for call in calls} == {"encoder", "decoder"}
    assert all(len(call.output) == len(call.x) for call in calls)
    assert objective.model.training  # as it was before
    objective.model.eval()


def test_the_state_is_carried_from_batch_to_batch(language, runs):
    batches = recorded_batches(data_objective(language, runs["language"].parent / "text.txt"))
    (first, _), (second, _) = next(batches), next(batches)
    for begin, record in zip(second.state, first.records[0].states.values(), strict=True):
        torch.testing.assert_close(begin[0], record[-1])


def test_a_network_without_recurrent_layers_is_refused(language, runs, monkeypatch):
    objective = data_objective(language, runs["language"].parent / "text.txt")
    batch = TrainingBatch(1, lambda state: (torch.zeros(()), None))
    monkeypatch.setattr(objective, "batch", lambda number: batch)
    with pytest.raises(UserError, match="no recurrent layer"):
        next(recorded_batches(objective))
