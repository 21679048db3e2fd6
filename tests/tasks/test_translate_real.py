"""The slower check, on real pairs: what a person would see in a minute."""

from pathlib import Path

import pytest

import unroll

DATA = Path(__file__).parents[3] / "shared" / "data" / "translation" / "tatoeba_eng_fra"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data"),
]


def test_english_to_french(tmp_path):
    run = unroll.train(
        DATA / "train.txt",
        tmp_path / "run",
        valid=str(DATA / "valid.txt"),
        vocabulary_size=2000,
        hidden=128,
        embedding=128,
        dropout=0.1,
        steps=900,
    )
    result = run.result()
    assert result["pairs"] == 1817
    assert result["bleu"] > 1.2 * result["baselines"]["nearest neighbour"]["bleu"]
    assert result["baselines"]["source copied"]["bleu"] < 5
    assert run.predict("I know.")["translation"] == "Je sais."
