import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import unroll
from unroll.training.report import QuietReport
from unroll.training.snapshots import chosen_tensors, output_bias, projected_rows

SMALL = {
    "hidden": 8,
    "threads": 1,
    "backend": "loop",
    "block": 16,
    "floor": "none",
    "evaluate_every": 5,
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("text.txt").write_text("A rose is a rose. " * 80)


def train(out, **settings):
    return unroll.train("text.txt", out, report=QuietReport(), **(SMALL | settings))


def lines(run):
    return [json.loads(line) for line in (run.path / "snapshots.jsonl").read_text().splitlines()]


def test_the_numbers_are_those_of_the_weights():
    run = train("run", steps=10, refit=False)
    found = lines(run)
    assert [line["step"] for line in found] == [0, 5, 10]
    begun = load_file("run/checkpoints/step-000000005/model.safetensors")
    for name, norm in found[1]["norms"].items():
        assert norm == pytest.approx(float(begun[name].norm()), rel=1e-3)
    assert set(found[0]["moved"].values()) == {0.0}
    assert all(value > 0 for value in found[2]["moved"].values())
    last = load_file("run/checkpoints/step-000000010/model.safetensors")
    p = last["bias"].double().softmax(0)
    entropy = -float((p * p.log()).sum())
    assert found[2]["bias_entropy"] == pytest.approx([entropy, math.log(len(p))], rel=1e-3)
    weight = last["embedding.weight"]
    rows = torch.tensor(found[2]["embeddings"]["embedding"])
    torch.testing.assert_close(rows, weight[: len(rows)], rtol=1e-3, atol=1e-4)


def test_gates_are_those_of_the_first_batch():
    from unroll.inspect.recorded_batches import data_objective
    from unroll.layers.recorded import recorded

    run = train("run", steps=5, refit=False)
    objective = data_objective(run, "text.txt")  # the weights of the last evaluation, the only one
    with torch.no_grad(), recorded(run.model) as calls:
        objective.batch(0).loss(None)
    gate = calls[0].records[0].values["forget_gate"]
    expected = [
        float(gate.mean()),
        float((gate < 0.1).float().mean()),
        float((gate > 0.9).float().mean()),
    ]
    assert lines(run)[-1]["gates"]["layer 1 forget_gate"] == pytest.approx(expected, abs=1e-4)


def test_a_resumed_run_has_the_same_lines_and_weights():
    same = {"refit": False, "schedule": "constant", "warm_up": 0}
    whole = train("whole", steps=15, **same)
    train("parts", steps=10, **same)
    parts = train("parts", steps=15, resume=True, **same)
    assert lines(parts) == lines(whole)
    for (name, a), b in zip(
        whole.model.state_dict().items(), parts.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_training_is_the_same_without_them():
    dropped = {"dropout": 0.3, "steps": 10, "refit": False}
    with_them, without = train("a", **dropped), train("b", snapshots=False, **dropped)
    assert not Path("b/snapshots.jsonl").exists()
    other = without.model.state_dict()
    for name, tensor in with_them.model.state_dict().items():
        assert torch.equal(tensor, other[name])


def test_many_evaluations_make_few_lines():
    run = train("run", steps=120, evaluate_every=1, cell="rnn")
    steps = [line["step"] for line in lines(run)]
    assert len(steps) < 60 and steps[:4] == [0, 1, 2, 3]
    assert all(b >= a * 1.05 for a, b in pairwise(steps))
    assert lines(run)[0]["gates"] == {}  # the cell has none


def test_learning_without_backpropagation_and_several_seeds():
    train("online", steps=5, online="rtrl", cell="rnn", hidden=4)
    assert lines(unroll.load("online"))[-1]["step"] == 5
    run = train("seeds", steps=5, seeds=2)
    assert [line["step"] for line in lines(run)] == [0, 5]


def test_a_wide_embedding_keeps_its_distances():
    weight = torch.randn(40, 100)
    found = torch.tensor(projected_rows(weight))
    assert found.shape == (26, 32)
    near = torch.tensor(projected_rows(weight[:, :20]))
    torch.testing.assert_close(near, weight[:26, :20], rtol=1e-3, atol=1e-3)


def test_the_bias_and_the_tensors_that_are_chosen():
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    assert output_bias(network) is network[2].bias
    assert output_bias(torch.nn.Tanh()) is None
    assert [name for name, _ in chosen_tensors(network)] == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    ]
