"""Labels of frames as segments with their times."""

import numpy as np

from unroll.tasks.frames.segments import Segment, format_seconds, format_segment, split_segments


def test_frames_that_are_skipped_belong_to_the_segment_before():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    times = np.array([0.0, 0.1, 0.2, 0.25])
    first, last = split_segments(p, ["walk", "jump"], every=2, total=5, times=times)
    assert first == Segment("walk", 1, 4, 0.0, 0.2, 0.75)
    assert last == Segment("jump", 5, 5, 0.2, 0.25, 0.8)


def test_times_for_people():
    assert format_seconds(12.3) == "12.30 s" and format_seconds(3723.4) == "1:02:03.40"
    assert format_seconds(75) == "1:15.00"
    assert format_segment(Segment("walk", 1, 4, 0.0, 0.2, 0.75)) == "walk 75% (0.00 s-0.20 s)"
    assert format_segment(Segment("walk", 1, 4, None, None, 1.0)) == "walk 100% (frames 1-4)"
