"""Walking figures and tracked fingers of real data sets."""

from pathlib import Path

import pytest

import unroll
from unroll.data.problems import Problems
from unroll.tasks.frames.clips import ClipReader
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.sources import find_clips
from unroll.tasks.frames.task import FramesTask

DATA = Path(__file__).parents[4] / "shared" / "data" / "video"
SPRITES, FINGERS = DATA / "lpc_sprites", DATA / "finger_gesture_history"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")


def test_strips_of_eight_frames():
    source = find_clips(SPRITES / "labels.csv", video="clip", label="action,direction")
    rows = list(source.rows(Problems()))
    assert len(rows) == 1152 and len({row.label for row in rows}) == 9
    clip = ClipReader((3, 64, 64))(rows[0].source)
    assert clip.values.shape == (8, 3, 64, 64) and clip.values.std() > 10


def test_sixteen_points_of_two_numbers():
    names = str(FINGERS / "point_history_classifier_label.csv")
    settings = FramesSettings(label_names=names)
    found = FramesTask().check(str(FINGERS / "point_history.csv"), settings, print)
    assert found["labels"] == {
        "Stop": 1481, "Move": 1302, "Counter Clockwise": 1279, "Clockwise": 1234
    }  # fmt: skip
    assert found["bad"] == 0 and found["lengths"]["longest"] == 16
    assert found["frame"].startswith("2 numbers per frame")


@pytest.mark.real_data
def test_gestures_of_fingers_are_classified(tmp_path):
    table = FINGERS / "point_history.csv"
    run = unroll.train(table, tmp_path / "run", epochs=6, threads=2, quiet=True)
    assert run.result()["accuracy"] > 0.95
