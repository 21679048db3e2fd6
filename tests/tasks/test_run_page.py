"""A run shows itself in a notebook."""

import json
from types import SimpleNamespace

import pytest

import unroll
from unroll.tasks.run_page import metrics_table, run_page, sample_of, training_curve

OPTIONS = {"steps": 4, "hidden": 8, "threads": 1, "quiet": True}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "text.txt").write_text("a <b>rose</b> is a rose.\n" * 60)
    rows = "".join(f"fine {n},<i>good</i>\npoor {n},bad\n" for n in range(30))
    (folder / "reviews.csv").write_text("text,label\n" + rows)
    return folder


def test_a_language_model_shows_its_metrics_curve_sample_and_settings(place):
    run = unroll.train(place / "text.txt", place / "text", **OPTIONS)
    assert len(repr(run)) < 200
    assert repr(run).startswith(f"<LanguageRun {place}/text: language, lstm 1x8")
    shown = run._repr_html_()
    assert "<svg" in shown and "perplexity" in shown and "<h5>Sample</h5>" in shown
    assert "<td>hidden</td><td>8</td>" in shown
    assert "<b>" not in shown


def test_a_classifier_shows_predictions_for_the_first_records_of_its_data(place):
    run = unroll.train(place / "reviews.csv", place / "reviews", **OPTIONS)
    shown = run._repr_html_()
    assert "The first records of" in shown and "<i>" not in shown
    assert sample_of(run).count("fine 0") == 1
    (place / "reviews.csv").unlink()
    assert sample_of(run) == "None: its data is not a small file here."
    with pytest.raises(unroll.errors.UserError, match="a run of the task classify"):
        run.generate()


def test_a_run_that_has_not_ended_and_one_step_are_shown(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("")
    settings = SimpleNamespace(cell="lstm", layers=1, hidden=8, model_dump=lambda **_: {"a": "<b>"})
    run = SimpleNamespace(
        path=tmp_path, task_name="tag", recorded=settings, result=dict, predict_file=None,
        config={"data": {"path": "-"}}, format_prediction=str, generate=None,
    )  # fmt: skip
    shown = run_page(run)
    assert "Training has not ended" in shown and "<svg" not in shown and "<b>" not in shown


def test_the_curve_passes_over_what_is_no_number():
    lines = [
        {"step": 1, "loss": 2.0},
        {"step": 2, "loss": "nan", "validation": {"loss": 1.5}},
        {"step": "x", "loss": 1.0},
        {"step": 3, "validation": None},
        {"step": 4, "loss": 1.0},
    ]
    assert training_curve(json.loads(json.dumps(lines))).count("<polyline") == 2
    assert training_curve(lines[:1]) == ""


def test_metrics_stand_beside_those_of_baselines():
    result = {"accuracy": 0.75, "n": 1200, "baselines": {"most <b>": {"accuracy": 0.5}, "odd": 3}}
    shown = metrics_table(result)
    assert "<td>accuracy</td><td>0.75</td><td>0.5</td>" in shown and "1,200" in shown
    assert "<b>" not in shown
