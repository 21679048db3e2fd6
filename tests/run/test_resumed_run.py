"""A resumed run keeps what it recorded, and refuses what would change or do nothing."""

import json
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError


def resume(report=None, data="poems.txt", **settings):
    quiet = report is None
    return unroll.train(data, "run", resume=True, report=report, quiet=quiet, **settings)


def test_steps_are_a_total_and_only_what_may_change_changes(place, report):
    run = resume(report, steps=6, evaluate_every=3)
    assert run.result()["steps"] == 6
    assert "Resuming at step 4 from step-000000004." in report.text
    settings = json.loads(Path("run/config.json").read_text())["settings"]
    assert (settings["steps"], settings["seconds"], settings["hidden"]) == (6, None, 8)
    with pytest.raises(UserError, match="made with hidden=8; a resumed run keeps its settings"):
        resume(steps=8, hidden=16)


def test_a_setting_that_is_given_as_it_was_is_no_change(place):
    assert resume(steps=5, hidden=8, cell="lstm").result()["steps"] == 5


def test_nothing_to_do_is_refused(place):
    with pytest.raises(UserError, match=r"at step 4 of 4 already\. Give a higher --steps"):
        resume()


def test_another_task_is_refused(place):
    with pytest.raises(UserError, match="run is a run of the task language, but the given task is"):
        resume(task="tag", steps=6)
    assert resume(task="language", steps=5).result()["steps"] == 5


def test_other_data_is_refused(place):
    Path("poems.txt").write_text("other words in another order, again and again.\n" * 60)
    with pytest.raises(UserError, match="is not the data that run was trained on"):
        resume(steps=6)


def test_a_lost_baseline_is_rebuilt(place, report):
    path = Path("run/baseline.safetensors")
    before = path.read_bytes()
    path.write_bytes(before[:-1])
    run = resume(report, steps=5)
    assert "the baseline is rebuilt." in report.text
    assert path.read_bytes() == before and run.evaluate("poems.txt")["baselines"]


def test_seconds_are_recorded_as_a_total_of_the_run(place):
    resume(seconds=0.05)
    settings = json.loads(Path("run/config.json").read_text())["settings"]
    assert settings["steps"] is None and settings["seconds"] > 0.05


def test_a_lost_result_brings_no_chosen_weights_of_an_earlier_end_back(place, report, monkeypatch):
    from unroll.training.loop import Trainer

    assert resume(steps=6).result()["refit"]["kept"]
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_take_steps", take_one_step)
        stopped = resume(steps=12)
    weights = Path("run/model.safetensors").read_bytes()
    assert stopped.result()["stopped_by"] == "SIGTERM" and "refit" not in stopped.result()
    assert Path("run/chosen.safetensors").read_bytes() == weights
    Path("run/result.json").write_text("{")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_take_steps", lambda self, interrupt: "SIGTERM")
        resume(report, steps=12)
    assert "it is made again" in report.text
    assert Path("run/model.safetensors").read_bytes() == weights


def take_one_step(trainer, interrupt):
    """A step of training with its evaluation, then a signal."""
    trainer.progress.best = None  # so that its weights are kept
    trainer._step(0.0)
    trainer._evaluate(0.5)
    return "SIGTERM"
