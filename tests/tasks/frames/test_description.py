"""What a run says of its clips."""

from unroll.data.problems import Problems
from unroll.tasks.frames.description import check_report, describe_data, metadata


def test_every_choice_is_said_with_its_flag(gestures, untrained):
    data, settings = gestures(longest=4, every=1)
    text = " ".join(describe_data(data, settings, untrained(data, settings)))
    assert "Training set: 27 clips. Validation set: 3 clips, a tenth of the clips of" in text
    assert "Frames: 2 numbers per frame (--set features=...); half of the clips have 4" in text
    assert "30 clips are truncated to the first 4 frames (--set longest=N)." in text
    assert "Frames are read in both directions (--set bidirectional=...), mean pooling" in text


def test_labels_of_frames_and_convolutions(write_clips, states, untrained):
    data, settings = states()
    text = " ".join(describe_data(data, settings, untrained(data, settings)))
    assert "one label per frame (--set per=clip|frame)." in text
    assert metadata(data) == {"clips": 20, "classes": ["high", "low"], "frames": 240}


def test_report(gestures):
    data, _ = gestures()
    report = check_report(data, Problems(skip=True))
    assert report["rows"] == 30 and report["labels"] == {"1": 15, "0": 15}
    assert report["frame"] == "2 numbers per frame" and report["label_of"] == "each clip"
    assert report["truncated"] == report["duplicates"] == report["bad"] == 0
