"""The nearest centroid is that of scikit-learn; the baselines come back from the run folder."""

import numpy as np

from unroll.tasks.frames.baseline import FramesBaselines, NearestCentroid


def test_nearest_centroids_as_scikit_learn():
    from sklearn.neighbors import NearestCentroid as Theirs

    draw = np.random.default_rng(0)
    y = draw.integers(3, size=90)
    x = draw.normal(size=(90, 4)) * [1, 2, 3, 4] + y[:, None] * [0.5, 1, 1, 1]
    ours = NearestCentroid.learn(x, y, 4)
    scaled = x / ours.deviation
    assert (ours(x) == Theirs().fit(scaled, y).predict(scaled)).all()


def test_files_of_a_run_folder(gestures, tmp_path, monkeypatch):
    data, _ = gestures()
    baselines = FramesBaselines.fit(data.train)
    ((name, content),) = baselines.files().items()
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr("unroll.tasks.baseline.check_baseline", lambda folder, name: None)
    again = FramesBaselines.load(tmp_path)
    assert again.shares.sum() == 1 and len(again.train_hashes) == 27
    found = again.centroid(data.valid.thumbnails())
    assert (found == baselines.centroid(data.valid.thumbnails())).all()
