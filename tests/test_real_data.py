"""The slower checks, on real texts: what a person would see in a minute."""

from pathlib import Path

import pytest

import unroll

DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data"),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_tinyshakespeare_by_characters(tmp_path):
    text = DATA / "char_lm" / "tinyshakespeare" / "input.txt"
    run = unroll.train(
        text, tmp_path / "run", steps=800, hidden=128, floor="none", valid_size=200_000
    )
    result = run.result()
    assert result["tokens"] == 111_540  # the last tenth, as nanoGPT cuts it
    assert result["unknown_rate"] == 0
    assert result["baselines"]["5-gram"]["nats_per_token"] == pytest.approx(1.669, abs=1e-3)
    assert result["nats_per_token"] < 2.0  # nanoGPT's own CPU recipe ends at 1.87, later


def test_wikitext_by_words(tmp_path):
    folder = DATA / "word_lm" / "wikitext2_small"
    run = unroll.train(
        folder / "train.txt",
        tmp_path / "run",
        valid=str(folder / "valid.txt"),
        level="word",
        steps=150,
        hidden=128,
        dropout=0.1,
    )
    assert len(run.vocabulary) == 17_014  # SOURCE.md: 17,013 types and <eos>
    result = run.evaluate(folder / "test.txt")
    assert result["tokens"] == 46_104
    assert result["perplexity"] < result["baselines"]["unigram"]["perplexity"]


def test_names_by_lines(tmp_path):
    text = DATA / "char_lm" / "names" / "names.txt"
    run = unroll.train(text, tmp_path / "run", per_line=True, steps=600, hidden=64)
    assert run.result()["nats_per_token"] < 2.3  # a bigram model of these names has 2.45
    names = [run.generate(seed=n) for n in range(20)]
    assert all(name.isalpha() and name.islower() and len(name) < 25 for name in names)
