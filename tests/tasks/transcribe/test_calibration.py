"""The weights of network and simple model, fitted on the validation set."""

from dataclasses import replace
from pathlib import Path

import torch

from unroll.tasks.base import Trained
from unroll.tasks.transcribe.calibration import calibrate
from unroll.tasks.transcribe.combination import NEVER
from unroll.tasks.transcribe.decoding import combination_weights
from unroll.tasks.transcribe.floor_fitting import FloorSize, fit_closed_text_model
from unroll.tasks.transcribe.network import Transcriber


def test_an_untrained_network_counts_nothing(untrained):
    data, settings, network = untrained(count=40, most=1)
    floor = fit_closed_text_model([data.train], FloorSize(copies=0, landmarks=40), 1)
    data = data.with_floor(floor)
    assert data.train.preprocessor.floor is floor and data.valid.preprocessor.floor is floor
    combined = Transcriber(
        1, 40, len(data.preprocessor.tokens) + 1, 8, embedding_size=8, cell="gru",
        subsample=data.preprocessor.subsample, combined=True,
    )  # fmt: skip
    assert combination_weights(combined).floor == 0 and combination_weights(network).network == 1
    trained = Trained(combined, data.preprocessor, settings, torch.device("cpu"), Path())
    (sentence,) = calibrate(trained, data.valid, lambda share: None)
    weights = combination_weights(combined)
    assert weights.floor > 1 and weights.network == 0 and weights.margin > 0.9 * NEVER
    assert "--set floor=none" in sentence
    alone = replace(trained, preprocessor=replace(data.preprocessor, floor=None))
    assert calibrate(alone, data.valid, lambda share: None) is None
