"""The task from file to prediction, on small data."""

import json

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.classify.settings import SMALL_EPOCHS
from unroll.tasks.classify.task import ClassifyTask

TASK = ClassifyTask()


def progress(share):
    assert 0 <= share <= 1


def test_reviews_end_to_end(tmp_path, write_reviews, train_run):
    path = write_reviews(tmp_path / "train.csv", 200)
    run, data, _ = train_run(path, attributions=True)
    metrics = TASK.validate(run, data, progress)
    assert metrics["accuracy"] > 0.9 and metrics["records"] == 20
    assert set(metrics["baselines"]) == {"most frequent class", "naive Bayes"}
    other = write_reviews(tmp_path / "test.csv", 50, seed=1)
    metrics = TASK.evaluate(run, other, progress, {})
    assert metrics["accuracy"] > 0.9 and np.sum(metrics["confusion"]) == 50
    json.dumps(metrics)
    summary = " ".join(TASK.summarise(metrics, "test.csv"))
    assert "naive Bayes" in summary and "macro F1" in summary
    again = TASK.evaluate(run, path, progress, {"text": "review"})
    assert again["in_training"] >= 180
    with pytest.raises(UserError, match="--image got 'review', a column that a run"):
        TASK.evaluate(run, path, progress, {"image": "review"})

    inputs = ["the film was lovely", "awful songs and the actors"]
    fine, poor = TASK.predict(run, inputs)
    assert fine["label"] == "fine" and poor["label"] == "poor"
    assert fine["words"][0][0] == "lovely" and fine["words"][0][1] > 0
    assert poor["words"][0][0] == "awful"
    assert sum(fine["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    json.dumps(fine)
    assert TASK.format_prediction(fine).startswith("fine ")
    with pytest.raises(UserError, match="expected a text with words"):
        list(TASK.predict(run, ["  "]))


@pytest.mark.parametrize("level", ["char", "bpe"])
def test_other_tokens(tmp_path, write_reviews, train_run, level):
    path = write_reviews(tmp_path / "train.csv", 80)
    run, _, _ = train_run(path, steps=3, level=level, attributions=True)
    (prediction,) = TASK.predict(run, ["The film was lovely"])
    assert {word for word, _ in prediction["words"]} <= {"the", "film", "was", "lovely"}
    assert TASK.evaluate(run, path, progress, {})["records"] == 80


def test_several_labels(tmp_path, train_run):
    path = tmp_path / "several.csv"
    rows = ["text,label"]
    for k in range(120):
        labels = [name for name, is_set in (("a", k % 2), ("b", k % 3 == 0)) if is_set]
        words = ["x", *(f"word{name}" for name in labels), "y"]
        rows.append(" ".join(words) + "," + "|".join(labels))
    path.write_text("\n".join(rows))
    run, data, _ = train_run(str(path), separator="|", dropout=0, class_weights="balanced")
    assert data.preprocessor.multi_label
    assert TASK.validate(run, data, progress)["accuracy"] > 0.9
    both, none = TASK.predict(run, ["x worda wordb y", "x y"])
    assert sorted(both["labels"]) == ["a", "b"] and none["labels"] == []
    assert "none of the labels" in TASK.format_prediction(none)
    assert "labels per record on average" in " ".join(TASK.describe(data, run.settings, run.model))


def test_sequences_of_numbers(tmp_path, train_run):
    draw = np.random.default_rng(0)
    rows = ["name,x,y,kind"]
    for k in range(80):
        slope = (-1, 1)[k % 2]
        for t in range(draw.integers(4, 9)):
            rows.append(f"s{k},{slope * t * 100 + draw.normal():.3f},{draw.normal():.3f},{slope}")
    path = tmp_path / "series.csv"
    path.write_text("\n".join(rows))
    run, data, _ = train_run(str(path), id="name", label="kind", attributions=True)
    assert data.preprocessor.scaler.names == ["x", "y"]
    metrics = TASK.validate(run, data, progress)
    assert metrics["accuracy"] == 1.0 and "naive Bayes" not in metrics["baselines"]
    rising = [[100.0 * t, 0.0] for t in range(6)]
    for each in (rising, json.dumps(rising)):
        (prediction,) = TASK.predict(run, [each])
        assert prediction["label"] == "1" and len(prediction["rows"]) == 6
    (tmp_path / "new.csv").write_text("name,x,y\nq,5,0\nq,-300,0\nq,-600,0\n")
    (prediction,) = TASK.predict(run, TASK.read_inputs(run, str(tmp_path / "new.csv")))
    assert prediction["label"] == "-1"


def test_calibration_changes_the_network_alone(tmp_path, write_reviews, train_run):
    run, data, _ = train_run(write_reviews(tmp_path / "train.csv", 60), steps=5)
    (sentence,) = TASK.calibrate(run, data, progress)
    temperature = float(run.model.temperature)
    assert temperature != 1 and f"{temperature:.2f}, fitted on the validation set" in sentence
    assert TASK.validate(run, data, progress)["temperature"] == temperature


def test_small_data_is_read_a_few_times_unless_a_budget_is_given(tmp_path, write_reviews, begin):
    path = write_reviews(tmp_path / "train.csv", 40)
    assert begin(path)[0].epochs == SMALL_EPOCHS
    assert begin(path, seconds=9)[0].epochs is None
    assert begin(path, steps=9)[0].epochs is None
    assert begin(path, epochs=2)[0].epochs == 2
