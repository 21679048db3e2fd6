"""The language task on the seam: trained, evaluated on further text, used."""

import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks import load_task

TEXT = "the rose is red and the sky is blue.\n" * 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("language")
    (place / "text.txt").write_text(TEXT)
    options = {"steps": 60, "hidden": 16, "threads": 1, "seed": 3, "quiet": True}
    return unroll.train(place / "text.txt", place / "run", **options)


def test_training_beats_the_unigram_model(run):
    result = run.result()
    assert result["nats_per_token"] < result["baselines"]["unigram"]["nats_per_token"]
    assert result["validation_set"] == "the last tenth" and result["steps"] == 60


def test_further_text_is_evaluated_beside_the_baselines(run, tmp_path):
    (tmp_path / "more.txt").write_text(TEXT)
    metrics = run.evaluate(tmp_path / "more.txt")
    assert set(metrics["baselines"]) == {"unigram", run.preprocessor.floor.name}
    assert metrics["tokens"] == len(TEXT)


def test_a_column_that_a_text_has_not_is_refused(run, tmp_path):
    (tmp_path / "more.txt").write_text(TEXT)
    with pytest.raises(
        UserError, match="--label got 'x', a column that a run of the task language"
    ):
        run.evaluate(tmp_path / "more.txt", label="x")


def test_there_is_nothing_to_predict_or_to_draw(run, tmp_path):
    with pytest.raises(UserError, match="unroll score, unroll next or unroll generate"):
        run.predict("a rose")
    task = load_task("language")
    with pytest.raises(UserError, match="nothing to predict"):
        task.read_inputs(run.trained, "more.txt")
    with pytest.raises(UserError, match="draws nothing"):
        task.plot(run.trained, "more.txt")


def test_what_to_type_next_names_the_run(run):
    lines = load_task("language").usage("runs/x", run.trained)
    assert any("unroll generate runs/x" in line for line in lines)
