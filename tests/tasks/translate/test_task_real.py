"""The slower check, on real pairs: what a person would see in a minute."""

from pathlib import Path

import pytest

import unroll

DATA = Path(__file__).parents[4] / "shared" / "data" / "translation" / "tatoeba_eng_fra"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data"),
]


def test_english_to_french(tmp_path):
    run = unroll.train(
        DATA / "train.txt",
        tmp_path / "run",
        valid=str(DATA / "valid.txt"),
        hidden=128,
        embedding=128,
        dropout=0.1,
        learning_rate=3e-3,
        steps=500,
    )
    result = run.result()
    assert result["pairs"] == 1817
    assert result["loss"] < 4.0  # nats a token, of 7.6 without learning
    assert 1 > result["baselines"]["source copied"]["bleu"]
    assert 17 < result["baselines"]["nearest neighbour"]["bleu"] < 20
    assert result["bleu"] > result["baselines"]["nearest neighbour"]["bleu"]
    assert result["chrf"] > result["baselines"]["source copied"]["chrf"]
