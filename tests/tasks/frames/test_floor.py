"""The simple model of clips: closed forms on small frames, kept in a run folder."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from unroll.errors import UserError
from unroll.models.ridge_classifier import PENALTIES
from unroll.saved_files import Damaged
from unroll.tasks.frames.floor import OFFSETS, FramesFloor, around
from unroll.training.folder import RunFolder


def test_frames_around_a_frame_stay_within_its_clip():
    places = around(np.array([3, 2]))
    assert places.shape == (5, len(OFFSETS))
    assert places[1].tolist() == [0, 0, 0, 0, 1, 2, 2, 2, 2]
    assert places[3].tolist() == [3, 3, 3, 3, 3, 4, 4, 4, 4]


def test_a_classifier_of_frames_is_the_ridge_regression_of_scikit_learn(monkeypatch):
    draw = np.random.default_rng(0)
    items, lengths = draw.normal(size=(40, 2)).astype(np.float32), np.array([25, 15])
    targets = (items[:, 0] > 0).astype(int)
    floor = FramesFloor.fit(items, lengths, targets, 2, per_frame=True, are_pictures=False)
    found = floor.scores(items, lengths)
    monkeypatch.setattr("unroll.tasks.frames.floor.CHUNK", 7)
    np.testing.assert_allclose(floor.scores(items, lengths), found, rtol=0, atol=1e-12)
    X = items[around(lengths)].reshape(40, -1)
    X = (X - X.mean(0)) / X.std(0)
    expected = RidgeCV(PENALTIES).fit(X, np.where(targets[:, None] == [0, 1], 1.0, -1.0)).predict(X)
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("per_frame", [False, True])
def test_it_is_saved_and_loaded_and_damage_is_a_sentence(tmp_path, per_frame):
    draw = np.random.default_rng(1)
    columns, lengths = draw.normal(size=(60, 4)).astype(np.float32), np.array([20] * 3)
    targets = draw.integers(0, 2, 60) if per_frame else np.array([0, 1, 0])
    options = {"per_frame": per_frame, "are_pictures": False, "seed": 3, "seconds": 5.0}
    floor = FramesFloor.fit(columns, lengths, targets, 2, **options)
    run = RunFolder.create(tmp_path / "run", floor.files(), overwrite=False)
    loaded = FramesFloor.load(run.path, (4,), 2, per_frame)
    again = loaded.scores(columns, lengths)
    assert np.array_equal(again, floor.scores(columns, lengths))
    assert again.shape == (len(targets), 2)
    with pytest.raises((Damaged, UserError), match="expected"):
        FramesFloor.load(run.path, (4,), 3, per_frame)
    empty = RunFolder.create(tmp_path / "old", {"a.txt": b""}, overwrite=False)
    assert FramesFloor.load(empty.path, (4,), 2, per_frame) is None


def test_a_classifier_of_frames_of_clips_of_one_frame_is_loaded(tmp_path):
    columns, lengths = np.eye(6, dtype=np.float32), np.ones(6, dtype=int)
    floor = FramesFloor.fit(
        columns, lengths, lengths.cumsum() % 2, 2, per_frame=True, are_pictures=False
    )
    run = RunFolder.create(tmp_path / "run", floor.files(), overwrite=False)
    loaded = FramesFloor.load(run.path, (6,), 2, per_frame=True)
    assert np.array_equal(loaded.scores(columns, lengths), floor.scores(columns, lengths))
