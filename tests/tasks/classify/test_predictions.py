"""What a file holds to predict, and what a prediction says."""

import numpy as np
import pytest

from unroll.tasks.classify.predictions import (
    format_prediction,
    read_input_file,
    sort_strongest,
)
from unroll.tasks.classify.task import ClassifyTask


def test_inputs_of_many_files(tmp_path, write_reviews, train_run):
    run, _, _ = train_run(write_reviews(tmp_path / "train.csv", 60), steps=1)
    for name, content in {
        "a.txt": "one film\n\ntwo songs\n",
        "b.csv": "review\none film\ntwo songs\n",
        "c.csv": "id,text\n1,one film\n2,two songs\n",
        "d.jsonl": '{"review": "one film"}\n{"review": "two songs"}\n',
    }.items():
        (tmp_path / name).write_text(content)
        assert list(read_input_file(run, str(tmp_path / name))) == ["one film", "two songs"]


def test_a_prediction_does_not_depend_on_the_other_inputs(tmp_path, write_reviews, train_run):
    run, _, _ = train_run(write_reviews(tmp_path / "train.csv", 60), steps=5)
    inputs = ["the film was lovely", "a", "awful songs and the actors of the film"] * 60
    together = list(ClassifyTask().predict(run, inputs))
    for text, prediction in list(zip(inputs, together, strict=True))[:3]:
        (alone,) = ClassifyTask().predict(run, [text])
        assert alone["probabilities"] == pytest.approx(prediction["probabilities"], abs=1e-6)


def test_attributions_include_what_counting_adds(tmp_path, write_reviews, train_run):
    run, _, _ = train_run(write_reviews(tmp_path / "train.csv", 60), steps=5, attributions=True)
    (before,) = ClassifyTask().predict(run, ["lovely film"])
    run.model.trust.data *= 100
    (after,) = ClassifyTask().predict(run, ["lovely film"])
    assert abs(dict(after["words"])["lovely"]) > 10 * abs(dict(before["words"])["lovely"])


def test_only_the_steps_that_are_read_count(tmp_path, write_reviews, train_run):
    path = write_reviews(tmp_path / "train.csv", 60)
    run, _, _ = train_run(path, steps=1, longest=3, attributions=True)
    short, long = ClassifyTask().predict(run, ["a film", "a film was dull and awful"])
    assert "steps_read" not in short and long["steps_read"] == 3
    assert {word for word, _ in long["words"]} == {"a", "film", "was"}


def test_the_strongest_attributions_are_kept():
    strongest = sort_strongest([(k, float(k % 5) - 2) for k in range(20)])
    assert len(strongest) == 8 and all(abs(each) == 2 for _, each in strongest)


def test_predictions_are_printed_in_one_line():
    words = [("good", 1.25), ("the", -0.5)]
    one = {"text": "the good", "label": "5", "probability": 0.931, "words": words}
    assert format_prediction(one) == "5 93%\tthe good\t(good+1.2 the-0.5)"
    several = {"labels": ["a", "b"], "probabilities": {"a": 0.9, "b": 0.5}, "rows": [(3, 1.0)]}
    assert format_prediction(several) == "a 90%, b 50%\t(rows 3)"
    assert np.isfinite(one["probability"])
