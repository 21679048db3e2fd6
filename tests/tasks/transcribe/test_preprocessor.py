"""Units, tokens and features; the preprocessor of a run folder is the one that was saved."""

import numpy as np
import pytest
import torch

from unroll.errors import UserError
from unroll.tasks.transcribe.log_mel import LogMel
from unroll.tasks.transcribe.preprocessor import (
    TranscribePreprocessor,
    choose_units,
    steps_needed,
)
from unroll.training.files import write_folder


def test_units_are_words_where_few_words_are_frequent():
    texts = ["low top", "high low"] * 20
    assert choose_units(texts, "auto") == "word" and choose_units(texts, "char") == "char"
    assert choose_units(["each word is new"], "auto") == "char"


def test_tokens_and_texts():
    words = TranscribePreprocessor("audio", "word", ["high", "low", "top"], lower=True)
    assert words.encode("LOW  top unknown") == [2, 3]
    assert words.decode(words.encode("low  top")) == "low top"
    letters = TranscribePreprocessor("image", "char", [" ", "a"])
    assert letters.decode(letters.encode(" a  a ")) == "a a"
    assert (words.units_name, letters.record_name) == ("words", "line")


def test_equal_neighbours_need_a_blank_between_them():
    assert steps_needed([1, 2, 1]) == 3 and steps_needed([1, 1, 1]) == 5 and steps_needed([]) == 0


def test_files_of_a_run_folder(tmp_path):
    preprocessor = TranscribePreprocessor(
        "audio",
        "char",
        ["é", "\ud800"],
        mel=LogMel(8000, 40),
        deltas=1,
        mean=[0.5],
        deviation=[1.0],
    )
    write_folder(tmp_path / "run", preprocessor.files())
    assert TranscribePreprocessor.load(tmp_path / "run") == preprocessor
    with pytest.raises(UserError, match=r"manifest\.json is missing"):
        TranscribePreprocessor.load(tmp_path / "elsewhere")


def test_features_are_scaled_over_the_recording_or_its_speaker():
    preprocessor = TranscribePreprocessor("audio", "char", ["a"], mel=LogMel(8000, 40), deltas=1)
    samples = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    x = preprocessor.features(samples)
    assert x.shape == (98, 80) and preprocessor.shape == (2, 40)
    torch.testing.assert_close(x.mean(0), torch.zeros(80), rtol=0, atol=1e-4)
    raw = preprocessor.unscaled(samples)
    scale = np.full(80, 1.0), np.full(80, 2.0)
    torch.testing.assert_close(preprocessor.features(samples, scale), (raw - 1) / 2)
