"""N-grams of tokens beside the network of tunes, kept in a run folder."""

import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.cli.main import run as command
from unroll.errors import UserError
from unroll.saved_files import Damaged
from unroll.tasks.music.floor import count_again, fit_floor, floor_files, joined, load_floor
from unroll.training.folder import RunFolder


def test_tunes_are_joined_by_boundaries():
    tunes = [np.array([5, 6]), np.array([7])]
    assert joined(tunes).tolist() == [0, 5, 6, 0, 7, 0]
    assert joined(tunes, most=3).tolist() == [0, 7, 0]


def test_it_is_saved_and_loaded_and_damage_is_a_sentence(tmp_path):
    draw = np.random.default_rng(0)
    tunes = [draw.integers(1, 6, 30) for _ in range(12)]
    floor = fit_floor(tunes[:8], tunes[8:], 6)
    again = count_again(floor, tunes)
    assert again.order == floor.order and again.counts.sum() > floor.counts.sum()
    run = RunFolder.create(tmp_path / "run", floor_files(floor), overwrite=False)
    ids = joined(tunes[:3])
    loaded = load_floor(run.path, 6)
    assert np.array_equal(loaded.log_probabilities(ids), floor.log_probabilities(ids))
    with pytest.raises((Damaged, UserError), match="does not hold n-grams"):
        load_floor(run.path, 3)
    empty = RunFolder.create(tmp_path / "old", {"a.txt": b""}, overwrite=False)
    assert load_floor(empty.path, 6) is None


def test_a_run_of_one_step_is_as_good_as_the_n_grams(tmp_path, book, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small = {"hidden": 8, "embedding": 8, "steps": 1, "threads": 1, "quiet": True}
    run = unroll.train(book("book.abc", 60), "run", **small)
    result = run.result()
    (name,) = [name for name in result["baselines"] if name.endswith("of tokens")]
    assert result["loss"] <= result["baselines"][name]["loss"] + 0.01
    assert result["loss"] < 0.5 * result["baselines"]["network alone"]["loss"]
    assert command(["eval", "run", "book.abc", "--json"], False) == 0
    found = json.loads(capsys.readouterr().out)
    tunes = [f"X:{tune}".strip() for tune in Path("book.abc").read_text().split("X:")[1:]]
    nats = [row["nats"] for row in unroll.load("run").predict(tunes)]
    assert found["nats_per_tune"] == pytest.approx(np.mean(nats), rel=1e-4)
    assert run.generate("K:G", length=60, seed=1).startswith("X:1")
    bare = unroll.train("book.abc", "bare", floor="none", **small)
    assert bare.preprocessor.floor is None and bare.model.gate is None
