"""The program of an exported classifier of numbers gives what the run gives."""

import numpy as np
import pytest

from unroll.export.onnx import predict_classify_numbers as program


def test_predictions_are_those_of_the_run(exported, classify_runs):
    run = classify_runs["numbers"]
    model = program.ExportedNumberClassifier(exported["classify", "numbers"].path)
    random = np.random.default_rng(3)
    for T in (1, 2, 9, 60):
        rows = random.standard_normal((T, 2)).round(3)
        expected, found = run.predict(rows), model.predict(rows.tolist())
        assert found["label"] == expected["label"]
        assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
