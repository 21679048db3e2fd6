"""Metrics of clips and of frames, and the sentences about them."""

import numpy as np
import pytest
import torch

from unroll.tasks.frames.metrics import (
    smoothed_loss,
    summarise_metrics,
    whole_clip_metrics,
)


def metrics(**changes):
    return {
        "loss": 0.5,
        "accuracy": 0.75,
        "macro_f1": 0.7,
        "micro_f1": 0.75,
        "calibration_error": 0.1,
        "records": 4,
        "unit": "frames",
        "truncated": 1,
        "in_training": 2,
        "baselines": {
            "most frequent class": {"accuracy": 0.5, "macro_f1": 0.3, "loss": 0.7},
            "nearest frame": {"accuracy": 0.75, "macro_f1": 0.7},
        },
        "classes": ["low", "high"],
        "confusion": [[2, 1], [0, 1]],
        "clips": {"records": 2, "accuracy": 1.0, "every_frame": 0.5},
        **changes,
    }


def test_sentences():
    sentences = summarise_metrics(metrics(skipped=1), "new.csv")
    assert sentences[0] == "On new.csv, 4 frames:"
    assert sentences[1].endswith("accuracy 75.00%  macro F1 0.7000  loss 0.5000 nats")
    assert "loss" not in sentences[3]
    text = " ".join(sentences)
    assert "In 100.00% of the 2 clips the most frequent label is right, in 50.00% every" in text
    assert "No better than the baseline nearest frame." in text
    assert "low as high (1 time)" in text and "1 clip was truncated" in text
    assert "2 clips are in the training set too. " in text and "Skipped 1 bad clip." in text
    worse = summarise_metrics(metrics(accuracy=0.7), "x")
    assert "Worse than the baseline nearest frame." in worse


def test_results_of_earlier_versions_have_another_key():
    old = metrics()
    old["cut"] = old.pop("truncated")
    assert summarise_metrics(old, "x") == summarise_metrics(metrics(), "x")


def test_smoothed_loss_is_that_of_training():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    true = torch.tensor([0, 1, 2, 2, 1])
    expected = torch.nn.functional.cross_entropy(logits, true, label_smoothing=0.1)
    p = logits.double().softmax(-1).numpy()
    assert smoothed_loss(p, true.numpy(), 0.1) == pytest.approx(expected.item(), abs=1e-6)


def test_whole_clips():
    true = [np.array([0, 0, 1]), np.array([1, 1])]
    found = whole_clip_metrics([np.eye(2)[[0, 0, 0]], np.eye(2)[[1, 1]]], true)
    assert found == {"records": 2, "accuracy": 1.0, "every_frame": 0.5}
