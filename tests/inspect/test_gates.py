import json

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.inspect import gates_of_run
from unroll.inspect.gates import GateCounter
from unroll.inspect.recorded_batches import data_objective
from unroll.training.report import QuietReport


@pytest.fixture(scope="module")
def found(language, runs):
    return gates_of_run(language, runs["language"].parent / "text.txt", steps=100)


def test_shares_are_those_of_a_plain_count(found, language, runs):
    objective = data_objective(language, runs["language"].parent / "text.txt")
    x, cell = objective.batches.batch(0).x, language.model.stack[0].cells[0]
    state, gates = cell.initial_state(x.shape[1]), []
    for ids in x:
        e = language.model.embedding(ids)
        i, f, _, o = (
            e @ cell.weight_ih.T + cell.bias_ih + state.h @ cell.weight_hh.T + cell.bias_hh
        ).chunk(4, 1)
        gates.append(torch.stack([i, f, o]).sigmoid())
        _, state = cell.step(e, state)
    every = torch.stack(gates)  # [T, 3, B, H]
    assert [gate.label for gate in found.gates[:3]] == [
        "layer 1 input gate", "layer 1 forget gate", "layer 1 output gate",
    ]  # fmt: skip
    once = gates_of_run(language, runs["language"].parent / "text.txt", steps=1)
    for k, gate in enumerate(once.gates[:3]):
        values = every[:, k].flatten(0, 1)
        torch.testing.assert_close(gate.mean, values.mean(0).double(), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(gate.open, (values > 0.9).double().mean(0))
        torch.testing.assert_close(gate.closed, (values < 0.1).double().mean(0))
    assert once.conditions["steps"] == x.numel() < found.conditions["steps"] + 1


def test_known_values_are_counted():
    counter = GateCounter(2)
    counter.add(torch.tensor([[0.05, 0.95], [0.5, 0.95], [0.95, 0.95], [0.05, 0.05]]))
    assert (counter.closed.tolist(), counter.open.tolist()) == ([2.0, 1.0], [1.0, 3.0])
    assert counter.counts.sum() == 8 and counter.counts[1] == 3


def test_text_json_and_pictures(found):
    assert "layer 2 forget gate" in found.text() and found.text().isascii()
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert len(facts["gates"]) == 6 and len(facts["gates"][0]["closed"]) == 8
    assert sum(facts["gates"][0]["distribution"]) == pytest.approx(1)
    rows = found.csv().splitlines()
    assert rows[0] == "part,gate,unit,closed,open,mean" and len(rows) == 1 + 6 * 8
    assert found.svg("forget_gate").count("<circle") == 2 * 8 + 2


def test_padding_does_not_count(classifier, translator, runs):
    folder = runs["classify"].parent
    films = gates_of_run(classifier, folder / "films.csv")
    assert {gate.name for gate in films.gates} == {"reset_gate", "update_gate"}
    assert films.gates[0].part == "layer 1 forward" and films.conditions["steps"] == 4 * 72
    pairs = gates_of_run(translator, folder / "pairs.tsv")
    assert [gate.part for gate in pairs.gates][::3] == [
        "encoder forward", "encoder backward", "decoder",
    ]  # fmt: skip


def test_a_cell_without_gates_is_refused(runs, monkeypatch):
    monkeypatch.chdir(runs["language"].parent)
    small = {"steps": 1, "hidden": 4, "threads": 1, "backend": "loop", "block": 8}
    run = unroll.train("text.txt", "elman", cell="rnn", report=QuietReport(), **small)
    with pytest.raises(UserError, match="cell rnn has no gates"):
        gates_of_run(run, "text.txt")
