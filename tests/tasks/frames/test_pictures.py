import numpy as np
import pytest

import unroll
from unroll.tasks.frames.pictures import as_pictures, shown_clips
from unroll.tasks.frames.prefixes import prefix_probabilities

SMALL = {"hidden": 6, "steps": 3, "threads": 1, "backend": "loop", "quiet": True, "refit": False}


def pictures_of(run, path):
    data = run.task.read(path, run.recorded, lambda s: None, run.preprocessor)
    return data, list(shown_clips(run.trained, data, lambda share: None))


def test_clips_end_at_the_answer_of_predict(write_clips, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_clips("clips", 24)
    run = unroll.train(path, "run", task="frames", **SMALL)
    data, (records, strips) = pictures_of(run, path)
    assert (records.probabilities.argmax(1) == records.targets).mean() == pytest.approx(
        run.result()["accuracy"]
    )
    for clip in strips.clips[:2]:
        said = run.predict(clip.name)
        last = dict(zip(strips.classes, clip.probabilities[-1].tolist(), strict=True))
        assert last == pytest.approx(said["probabilities"], abs=1e-5)
        assert list(clip.predicted) == [said["label"]] and clip.frames.shape[-1] == 3
    values = data.valid.values(0)
    assert prefix_probabilities(run.trained, values, [1, len(values)]).shape == (2, 2)
    assert as_pictures(np.zeros((2, 1, 4, 5), np.uint8)).shape == (2, 4, 5, 3)


def test_each_frame_has_its_probabilities(write_states, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = write_states(20, True)
    run = unroll.train(path, "run", task="frames", **SMALL)
    _, (records, strips) = pictures_of(run, path)
    assert strips.per_frame and len(records.names) == len(records.targets)
    clip = strips.clips[0]
    assert len(clip.at) == len(clip.actual) == len(clip.predicted) == len(clip.frames)
    said = run.predict(clip.name)
    assert said["labels"] == list(clip.predicted)
    assert said["probabilities"] == pytest.approx(clip.probabilities.max(1).tolist(), abs=1e-5)
