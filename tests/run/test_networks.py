"""Runs of several seeds: one network is kept, a resume goes on with the next, budgets stay equal."""

import json

import pytest
import torch
from safetensors.torch import load_file

import unroll
from unroll.errors import UserError
from unroll.training.loop import Trainer

SEVERAL = {"seeds": 2, "steps": 4, "evaluate_every": 2}


def weights(path):
    return load_file(path / "model.safetensors")


@pytest.fixture
def options(small):
    return {**small, **SEVERAL, "floor": "auto"}


def test_the_best_network_is_kept_told_and_loaded(place, report, options):
    run = unroll.train("poems.txt", "several", report=report, **options)
    result = run.result()
    assert [network["seed"] for network in result["seeds"]] == [1, 2]
    losses = [network["validation"]["loss"] for network in result["seeds"]]
    (kept,) = [network for network in result["seeds"] if network["kept"]]
    assert kept["validation"]["loss"] == min(losses) and result["steps"] == kept["steps"] == 4
    assert f"Validation loss of 2 seeds: {losses[0]:.4f}, {losses[1]:.4f}, mean" in report.text
    assert f"seed {kept['seed']} is kept" in (run.path / "README.md").read_text()
    assert "The network of seed 2 begins." in report.text
    again = unroll.load(run.path)
    assert torch.equal(next(again.model.parameters()), next(run.model.parameters()))


@pytest.mark.parametrize("killed", [1, 5, 7])
def test_a_kill_and_a_resume_are_the_whole_run(place, options, monkeypatch, killed):
    whole = unroll.train("poems.txt", "whole", quiet=True, **options)
    calls, step = [], Trainer._step

    def kill(self, share):
        calls.append(1)
        if len(calls) > killed:
            raise RuntimeError("killed")
        step(self, share)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(Trainer, "_step", kill)
        unroll.train("poems.txt", "parts", quiet=True, **options)
    parts = unroll.train("poems.txt", "parts", resume=True, quiet=True, **options)
    one, other = weights(whole.path), weights(parts.path)
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    results = [{k: v for k, v in r.result().items() if "time" not in k} for r in (whole, parts)]
    for result in results:
        result.pop("seconds")
    assert json.dumps(results[0]) == json.dumps(results[1])


def test_a_signal_leaves_the_best_network_so_far_and_the_next_ones_for_a_resume(
    place, report, options, monkeypatch
):
    take_steps, calls = Trainer._take_steps, []

    def stop(self, interrupt):
        calls.append(1)
        if len(calls) == 2:
            interrupt.signal = "SIGTERM"
        return take_steps(self, interrupt)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_take_steps", stop)
        run = unroll.train("poems.txt", "several", report=report, **options)
    assert run.result()["stopped_by"] == "SIGTERM" and "refit" not in run.result()
    assert "Validation loss of 1 of 2 seeds" in report.text
    done = unroll.train("poems.txt", "several", resume=True, report=report, **options)
    whole = unroll.train("poems.txt", "whole", quiet=True, **options)
    one, other = weights(done.path), weights(whole.path)
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_networks_of_a_run_are_not_trained_for_longer_than_others(place, options):
    run = unroll.train("poems.txt", "several", quiet=True, **options)
    again = {**options, "resume": True, "quiet": True}
    assert unroll.train("poems.txt", "several", **again).result() == run.result()
    for more in ({"steps": 9}, {"steps": None, "seconds": 1}, {"steps": None, "seed": 1}):
        with pytest.raises(UserError, match="kept the best one"):
            unroll.train("poems.txt", "several", **{**again, **more})
    with pytest.raises(UserError, match="seeds=2; a resumed run keeps its settings"):
        unroll.train("poems.txt", "several", **{**again, "seeds": 3})


def test_seconds_are_shared(place, options):
    options = {**options, "steps": None, "evaluate_every": None, "seconds": 3}
    result = unroll.train("poems.txt", "several", quiet=True, **options).result()
    assert len(result["seeds"]) == 2 and all(network["steps"] for network in result["seeds"])
