"""The end of a run: what is measured, written and reported."""

import json
from types import SimpleNamespace

import pytest

import unroll
from unroll.run.finish import describe_end


def test_result_and_model_card_hold_the_validation_metrics(trained):
    folder = trained.folder / "run"
    result = json.loads((folder / "result.json").read_text())
    assert result == trained.run.result()
    assert (result["steps"], result["stopped_by"]) == (4, "done")
    assert result["baselines"] and result["validation_set"].startswith("the last")
    card = (folder / "README.md").read_text()
    assert "Trained 4 steps" in card and "5-gram" in card and "SHA-256" in card


def test_the_report_ends_with_the_summary(trained):
    summary = trained.run.summarise(trained.run.result(), trained.run.result()["validation_set"])
    assert trained.report.messages[-len(summary) - 1 : -1] == summary
    assert "learned from the validation set too" in trained.report.messages[-1]
    assert "The budget is used, at step 4 after" in trained.report.text
    assert trained.report.unit == "characters"


def test_a_stopped_run_says_how_to_continue(place, report, small, monkeypatch):
    from unroll.training.loop import Trainer

    monkeypatch.setattr(Trainer, "_take_steps", lambda self, interrupt: "SIGTERM")
    unroll.train("poems.txt", "stopped", steps=3, report=report, **small)
    assert "Stopped by SIGTERM, at step 0" in report.text
    assert f"Continue: unroll train {place / 'poems.txt'} --out stopped --resume" in report.text


@pytest.mark.parametrize(
    ("why", "closed_form", "sentence"),
    [
        ("done", False, "The budget is used"),
        ("done", True, "Solved"),
        ("early", False, "Stopped early: no better for 3 evaluations"),
        ("Ctrl-C", False, "Stopped by Ctrl-C"),
    ],
)
def test_why_a_run_ended(why, closed_form, sentence):
    objective = SimpleNamespace(closed_form=closed_form)
    trainer = SimpleNamespace(objective=objective, progress=SimpleNamespace(waited=3))
    assert describe_end(why, trainer) == sentence
