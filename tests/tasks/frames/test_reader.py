"""Reading clips: what is guessed, what is kept in memory, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.frames.reader import find_source, load_source, read_data
from unroll.tasks.frames.settings import FramesSettings


def read(path, problems=None, preprocessor=None, **options):
    shares = []
    data = read_data(path, FramesSettings(**options), shares.append, preprocessor, problems)
    assert shares[-1] == 1
    return data


def test_features_are_guessed_and_said(gestures):
    data, _ = gestures()
    assert data.preprocessor.reading.shape == (2,) and data.preprocessor.columns == 12
    assert data.guesses[0] == "label: column 1 (change by --label)"
    assert data.guesses[1].startswith("features: 2 numbers per frame, as neighbouring frames")
    with pytest.raises(UserError, match="do not make whole frames of 5"):
        read("gestures.csv", features=5)


def test_labels_of_frames_are_recognised(states):
    data, _ = states()
    assert data.preprocessor.per_frame and len(data.train.targets) == 12 * len(data.train)


def test_labels_that_hardly_repeat_are_refused(write_gestures):
    rows = Path(write_gestures("wide.csv", 30)).read_text().splitlines()
    Path("wide.csv").write_text("\n".join(f"{k}{row[1:]}" for k, row in enumerate(rows)))
    with pytest.raises(
        UserError, match="30 different labels among 30; expected labels that repeat"
    ):
        read("wide.csv")


def test_frames_that_do_not_fit_are_read_again(write_clips):
    table = write_clips("clips", 8)
    cached, reread = (read(table, video="path", cache=cache) for cache in (100, 0.01))
    in_memory = [clip.values is not None for clip in reread.train.clips]
    assert any(in_memory) and not all(in_memory)
    for row in range(len(cached.train)):
        np.testing.assert_array_equal(cached.train.values(row), reread.train.values(row))
    assert cached.sha256 == reread.sha256


def test_further_data_is_read_as_the_training_data(write_clips, write_gestures):
    data = read(write_clips("clips", 8), video="path", size=8, grey=True)
    assert data.preprocessor.reading.shape == (1, 8, 8)
    again = read("clips.csv", preprocessor=data.preprocessor, video="path")
    assert again.preprocessor is data.preprocessor and again.sha256 == data.sha256
    settings = FramesSettings()
    other = find_source(write_gestures("wide.csv", 6), settings)
    with pytest.raises(UserError, match="has clips of numbers in rows; expected pictures"):
        list(load_source(data.preprocessor, other, settings, Problems(), lambda share: None))


def test_data_without_classes_is_refused(write_clips):
    write_clips("clips", 4)
    Path("one.csv").write_text("path,action\nclips/0.png,left\nclips/1.png,left\n")
    with pytest.raises(UserError, match="2 clips with 1 different label;"):
        read("one.csv", video="path")
    Path("none.csv").write_text("path,action\nclips/0.png,left\n")
    with pytest.raises(UserError, match="names 1 clip; expected at least 2"):
        read("none.csv", video="path")
