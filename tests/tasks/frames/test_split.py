"""The validation set is not in the training set under another name."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from unroll.tasks.frames.reader import read_data
from unroll.tasks.frames.settings import FramesSettings
from unroll.tasks.frames.split import keep_unseen_labels, window_blocks


def of(label):
    """Stands for a clip of this label."""
    return SimpleNamespace(labels=(str(label),))


def no_progress(share):
    return None


def test_windows_of_one_recording_stay_together():
    draw = np.random.default_rng(0)
    walks = {name: draw.normal(size=400).cumsum() for name in "ab"}
    rows = [
        ",".join([name, *(f"{v:.4f}" for v in walk[k : k + 12])])
        for name, walk in walks.items()
        for k in range(200)
    ]
    Path("windows.csv").write_text("\n".join(rows) + "\n")
    data = read_data("windows.csv", FramesSettings(features=1), no_progress)
    ends = (67, 134, 200, 267, 334, 400)  # of the thirds of each label
    expected = [f"row {k}" for end in ends for k in range(end - 5, end + 1)]
    assert [clip.name for clip in data.valid.clips] == expected
    assert "neighbouring rows are similar" in data.validation_set


def test_a_group_is_never_split(write_clips):
    table = write_clips("clips", 24)
    head, *rows = Path(table).read_text().splitlines()
    lines = [f"{head},who", *(f"{row},{k // 4}" for k, row in enumerate(rows))]
    Path(table).write_text("\n".join(lines) + "\n")
    data = read_data(table, FramesSettings(video="path", by="who"), no_progress)
    train, valid = ({clip.group for clip in part.clips} for part in (data.train, data.valid))
    assert len(valid) == 1 and not train & valid and len(data.valid) == 4


def test_the_only_clip_of_a_label_is_kept_in_training(gestures):
    data, _ = gestures()
    clips = data.train.clips[:4]
    clips[3].labels = ("rare",)
    validation, count = keep_unseen_labels(np.array([False, False, True, True]), clips)
    assert validation.tolist() == [False, False, True, False] and count == 1


def test_few_windows_of_each_label_leave_some_for_validation():
    blocks = window_blocks([of(n // 20) for n in range(40)], 1, fewest=1)
    assert blocks.sum() == 4 and blocks[18:20].all() and blocks[38:].all()
    assert not window_blocks([of(n // 4) for n in range(8)], 3).any()
    assert window_blocks([of(n // 4) for n in range(8)], 1, fewest=1).sum() == 2
