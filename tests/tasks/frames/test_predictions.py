"""Predictions as JSON holds them, and as lines of text."""

import json
from pathlib import Path

import numpy as np
import torch

from unroll.tasks.base import Trained
from unroll.tasks.frames.clips import Clip
from unroll.tasks.frames.predictions import format_prediction, predict_clip


def trained(data, settings, network):
    return Trained(network, data.preprocessor, settings, torch.device("cpu"), Path())


def test_a_label_for_a_clip(gestures, untrained):
    data, settings = gestures(longest=4)
    run = trained(data, settings, untrained(data, settings))
    clip = data.preprocessor.split_row(np.arange(12.0))
    found = predict_clip(run, "row 1", clip)
    assert found["frames"] == 6 and found["frames_read"] == 4
    assert found["probability"] == max(found["probabilities"].values())
    assert format_prediction(found) == f"{found['label']} {found['probability']:.0%}\trow 1"
    json.dumps(found)


def test_a_label_for_each_frame(states, untrained):
    data, settings = states(rate=10)
    run = trained(data, settings, untrained(data, settings))
    clip = Clip(np.zeros((5, 2), np.float32), 5, None)
    found = predict_clip(run, "a.csv", clip)
    assert len(found["labels"]) == 5 and "frames_read" not in found
    assert found["segments"][-1]["end"] == 0.5 and found["segments"][-1]["last"] == 5
    assert format_prediction(found).startswith("a.csv\t") and " s)" in format_prediction(found)


def test_a_skipped_clip_is_a_comment():
    assert format_prediction({"error": "a.mp4 is damaged."}) == "# skipped: a.mp4 is damaged."
