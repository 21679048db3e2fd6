"""The Nottingham tunes: better than n-grams in a minute, and every tune that it writes adds up."""

import runpy
import sys
from pathlib import Path

import pytest

import unroll
from unroll.tasks.music.abc_bars import odd_bars, read_bars

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data" / "music" / "nottingham"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data"),
]


def test_better_than_n_grams(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nottingham", str(DATA), str(tmp_path)])
    runpy.run_path(str(ROOT / "benchmarks" / "nottingham.py"), run_name="__main__")
    assert "test.abc: 103 tunes" in capsys.readouterr().out
    run = unroll.train(
        tmp_path / "train.abc", tmp_path / "run", valid=str(tmp_path / "valid.abc"), steps=450,
        hidden=256, embedding=64, threads=1, quiet=True,
    )  # fmt: skip
    metrics = run.evaluate(tmp_path / "test.abc")
    assert metrics["loss"] < 0.97 * metrics["baselines"]["5-gram"]["loss"]
    for seed in range(10):
        prompt = ("M:6/8 K:G", "M:4/4 K:D", "M:3/4 K:Am")[seed % 3]
        (bars,) = read_bars(run.generate(prompt, seed=seed))
        assert not odd_bars(bars)
