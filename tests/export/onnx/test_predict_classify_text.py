"""The program of an exported classifier of texts gives what the run gives."""

import pytest

from unroll.export.onnx import predict_classify_text as program
from unroll.models.text_features import count_ngrams

TEXTS = [
    "the film was fine indeed 3",
    "POOR, odd ... it's",
    "¿qué? 日本語のテキスト",
    "a",
    "x" * 500,
]


@pytest.mark.parametrize("name", ["words", "characters", "several"])
def test_predictions_are_those_of_the_run(exported, classify_runs, name):
    run = classify_runs[name]
    model = program.ExportedTextClassifier(exported["classify", name].path)
    for text in TEXTS:
        expected, found = run.predict(text), model.predict(text)
        assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
        if name == "several":
            assert found["labels"] == expected["labels"]
        else:
            assert found["label"] == expected["label"]


def test_hashes_are_those_of_the_features():
    _, places, _ = count_ngrams(["ab c"], lower=True, characters=(2, 3))
    runs = [" a", "ab", "b ", " c", "c ", " ab", "ab ", " c "]
    own = {program.hashed(run, len(run)) >> 42 for run in runs}
    assert own == {int(place) for place in places if place < 1 << 22}
