"""Predictions for tunes: least expected tokens with their lines, skipped records in place."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.data.skipped import SkippedRecord
from unroll.errors import UserError
from unroll.tasks.base import Trained
from unroll.tasks.music.abc import Tune
from unroll.tasks.music.predictions import (
    format_tune_prediction,
    least_expected,
    predict_tune,
)
from unroll.tasks.music.settings import MusicSettings


@pytest.fixture
def trained(abc, untrained):
    return Trained(untrained(abc, 0), abc, MusicSettings(), torch.device("cpu"), Path("run"))


def test_the_highest_nats_come_first_with_their_lines():
    tokens = [b"K:G\n", "é".encode(), b"|", b"\n", b"A"]
    found = least_expected("K:G\né|\nA", tokens, np.array([1.0, 5.0, 0.1, 2.0, 3.0, 9.0]))
    assert [(one["token"], one["line"]) for one in found] == [
        ("é", 2), ("A", 3), ("\n", 2), ("K:G\n", 1), ("|", 2),
    ]  # fmt: skip


def test_texts_and_tunes_of_files(trained, tune):
    text = predict_tune(trained, tune())
    assert text["tune"] == "Tune 1" and text["where"] == "" and len(text["least_expected"]) == 5
    assert text["nats_per_character"] == pytest.approx(text["nats"] / len(tune()))
    assert predict_tune(trained, Tune(tune(), "a.abc, line 3")) == {
        **text, "where": "a.abc, line 3",
    }  # fmt: skip
    assert "nats per character\tTune 1\tleast expected: " in format_tune_prediction(text)


def test_skipped_records_and_what_is_no_tune(trained):
    skipped = predict_tune(trained, SkippedRecord("a.abc, line 1: no key"))
    assert format_tune_prediction(skipped) == "# skipped: a.abc, line 1: no key"
    for given in (" \n", 3):
        with pytest.raises(UserError, match="expected a tune, as text"):
            predict_tune(trained, given)
