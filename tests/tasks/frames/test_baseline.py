"""The nearest centroid is that of scikit-learn; the baselines come back from the run folder."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.frames.baseline import FramesBaselines, NearestCentroid
from unroll.training.files import write_folder


def test_nearest_centroids_as_scikit_learn():
    from sklearn.neighbors import NearestCentroid as Theirs

    draw = np.random.default_rng(0)
    y = draw.integers(3, size=90)
    x = draw.normal(size=(90, 4)) * [1, 2, 3, 4] + y[:, None] * [0.5, 1, 1, 1]
    ours = NearestCentroid.learn(x, y, 4)
    scaled = x / ours.deviation
    assert (ours(x) == Theirs().fit(scaled, y).predict(scaled)).all()


def test_files_of_a_run_folder(gestures, tmp_path):
    data, _ = gestures()
    baselines = FramesBaselines.fit(data.train)
    write_folder(tmp_path / "run", baselines.files())
    classes = len(data.preprocessor.classes)
    again = FramesBaselines.load(tmp_path / "run", classes)
    with pytest.raises(UserError, match="does not hold the share of this run"):
        FramesBaselines.load(tmp_path / "run", classes + 1)
    assert again.shares.sum() == 1 and len(again.train_hashes) == 27
    found = again.centroid(data.valid.thumbnails())
    assert (found == baselines.centroid(data.valid.thumbnails())).all()
