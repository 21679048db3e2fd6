"""A task is a folder and one row: `toy/` beside this file is all that a tenth task needs."""

import json
import signal
from pathlib import Path

import pytest

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.tasks import TASKS, TaskEntry, guess_task, load_task


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setitem(TASKS, "toy", TaskEntry("toy.settings:ToySettings", "toy.task:ToyTask"))
    monkeypatch.chdir(tmp_path)
    lines = [f"{k * 7 % 16:04b}"[: 2 + k % 2] + str(k // 2 % 2) for k in range(100)]
    Path("lines.bits").write_text("\n".join(lines))
    return tmp_path


def test_it_is_guessed_trained_evaluated_predicts_and_resumes(place):
    assert guess_task("lines.bits", {}) == ("toy", "lines of bits")
    options = {"threads": 1, "schedule": "constant", "warm_up": 0, "quiet": True}
    run = unroll.train("lines.bits", "run", steps=20, **options)
    assert run.task_name == "toy" and run.result()["accuracy"] > 0.9
    assert run.evaluate("lines.bits")["baselines"] == {"most frequent": {"accuracy": 0.5}}
    assert run.predict(["101", "010"]) == [
        {"bits": "101", "last": 1},
        {"bits": "010", "last": 0},
    ]
    assert len(list(run.predict_file("lines.bits"))) == 100

    longer = unroll.train("lines.bits", "run", resume=True, steps=30, quiet=True)
    at_once = unroll.train("lines.bits", "at_once", steps=30, **options)
    weights = [one.path.joinpath("model.safetensors").read_bytes() for one in (longer, at_once)]
    assert longer.result()["steps"] == 30 and weights[0] == weights[1]


def test_kept_weights_learn_from_the_validation_set_when_they_are_measured(place):
    options = {"threads": 1, "steps": 20, "quiet": True}
    run = unroll.train("lines.bits", "run", **options)
    alone = unroll.train("lines.bits", "alone", refit=False, **options)
    files = ["model.safetensors", "chosen.safetensors"]
    refitted, chosen = (run.path.joinpath(name).read_bytes() for name in files)
    assert chosen == (alone.path / files[0]).read_bytes() != refitted
    result, before = run.result(), alone.result()
    assert result["refit"]["steps"] == 5 and result["refit"]["kept"] and "refit" not in before
    assert (result["loss"], result["accuracy"]) == (before["loss"], before["accuracy"])
    assert "learned from the validation set too" in (run.path / "README.md").read_text()
    assert run.evaluate("lines.bits") == unroll.load("run").evaluate("lines.bits")


@pytest.mark.parametrize("phase", ["calibrate", "refit_floor"])
def test_a_signal_ends_what_follows_training_and_a_resume_makes_up_for_it(
    place, monkeypatch, phase
):
    options = {"threads": 1, "steps": 20, "quiet": True}
    whole = unroll.train("lines.bits", "whole", **options)

    def stopped(self, trained, data, progress):
        if phase == "calibrate":
            trained.model.head.bias.data.fill_(100.0)  # half done
        signal.raise_signal(signal.SIGTERM)
        progress(0.5)

    with monkeypatch.context() as patch:
        patch.setattr(load_task("toy").__class__, phase, stopped)
        run = unroll.train("lines.bits", "run", **options)
    before = unroll.load("run").evaluate("lines.bits")
    assert run.evaluate("lines.bits") == before and before["accuracy"] > 0.9
    if phase == "calibrate":
        assert run.result() == {}
        again = unroll.train("lines.bits", "run", resume=True, quiet=True)
        assert again.result()["loss"] == whole.result()["loss"]
        assert again.evaluate("lines.bits") == whole.evaluate("lines.bits")
    else:
        assert run.result()["loss"] == whole.result()["loss"] and "refit" not in run.result()


def test_the_commands_know_it(place, capsys):
    words = ["train", "lines.bits", "--out", "run", "--steps", "20", "--threads", "1", "--quiet"]
    assert command(words, debug=False) == 0
    assert command(["predict", "run", "--input", "1001"], debug=False) == 0
    assert capsys.readouterr().out == "1\n"
    assert command(["eval", "run", "lines.bits", "--json"], debug=False) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.9
    assert command(["data", "check", "lines.bits", "--json"], debug=False) == 0
    assert json.loads(capsys.readouterr().out) == {"task": "toy", "lines": 100, "problems": []}


def test_its_errors_are_sentences_and_what_it_cannot_do_is_said(place):
    Path("bad.bits").write_text("101\n1x1\n")
    with pytest.raises(UserError, match=r"bad\.bits:2: got '1x1'; expected bits"):
        unroll.train("bad.bits", steps=1, quiet=True)
    run = unroll.train("lines.bits", "run", steps=1, threads=1, quiet=True)
    with pytest.raises(UserError, match="draws nothing"):
        run.task.plot(run.trained, "lines.bits")
    with pytest.raises(UserError, match="--label got 'x', a column"):
        run.evaluate("lines.bits", label="x")
