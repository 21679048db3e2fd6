"""A run writes tunes to files of every kind; a missing package is named where it is needed."""

import sys
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.music.run import check_ending

SMALL = {"hidden": 24, "embedding": 12, "threads": 1, "quiet": True}


def test_endings():
    check_ending(".mid")
    with pytest.raises(UserError, match=r"expected \.abc, \.mid, \.wav, \.svg"):
        check_ending(".mp3")


def test_a_missing_package_is_named(tmp_path, monkeypatch, book):
    monkeypatch.chdir(tmp_path)
    Path("midi").mkdir()
    for name in "abc":
        Path(f"midi/{name}.mid").write_bytes(b"MThd")
    run = unroll.train(book("tunes.abc", 6), "run", steps=1, **SMALL)
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(UserError, match=r"needs the package mido.*unroll-rnn\[music\]"):
        unroll.train("midi", "other", steps=1, **SMALL)
    tune = run.generate(seed=1, length=10)
    assert run.render(tune, ".wav") and run.render(tune, ".svg")  # these need none
    with pytest.raises(UserError, match="mido"):
        run.render(tune, ".mid")
