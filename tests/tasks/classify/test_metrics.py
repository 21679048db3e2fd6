"""The metrics of a classifier stand beside those of its baselines, and are summarised."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.classify.metrics import (
    compare_with_baselines,
    predict_logits,
    summarise_metrics,
)

ROW = {"loss": 0.5, "accuracy": 0.75, "macro_f1": 0.7, "micro_f1": 0.75}
METRICS = {
    **ROW,
    "calibration_error": 0.02,
    "records": 4,
    "uncalibrated_error": 0.1,
    "temperature": 1.5,
    "unit": "texts",
    "unknown_rate": 0.25,
    "truncated": 1,
    "in_training": 2,
    "baselines": {"most frequent class": ROW},
    "classes": ["ham", "spam"],
    "confusion": [[2, 1], [0, 1]],
    "skipped": 3,
}


def test_everything_remarkable_is_said():
    assert summarise_metrics(METRICS, "test.csv") == [
        "On test.csv, 4 texts:",
        "  this model           accuracy 75.00%  macro F1 0.7000  micro F1 0.7500  loss 0.5000 nats",
        "  most frequent class  accuracy 75.00%  macro F1 0.7000  micro F1 0.7500  loss 0.5000 nats",
        "Right: 3 of 4 texts; 30-95% by a 95% interval, because they are few.",
        "Expected calibration error 2.00% at temperature 1.50; 10.00% at temperature 1.",
        "Most frequent mistakes (true as predicted): ham as spam (1 time).",
        "2 texts are in the training set too.",
        "1 text was truncated to the length that the model reads.",
        "25.00% of the tokens are not in the vocabulary.",
        "Skipped 3 bad records.",
    ]


def test_probabilities_are_in_the_order_of_the_records(tmp_path, write_reviews, begin):
    _, data, network = begin(write_reviews(tmp_path / "train.csv", 60))
    all_rows = predict_logits(network, data.train, "cpu")
    some = predict_logits(network, data.train, "cpu", rows=data.train.lengths.argsort()[:3])
    assert some == pytest.approx(all_rows[data.train.lengths.argsort()[:3]], abs=1e-6)


def test_a_damaged_baseline_is_named(tmp_path, write_reviews, train_run):
    run, data, _ = train_run(write_reviews(tmp_path / "train.csv", 60), steps=1)
    metrics = compare_with_baselines(run, data.valid, lambda share: None)
    assert metrics["in_training"] <= metrics["records"] == 6
    json.dumps(metrics)
    (run.path / "baseline.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match="The baseline of the run is damaged"):
        compare_with_baselines(run, data.valid, lambda share: None)
