"""Frames at a small size."""

import numpy as np

from unroll.tasks.frames.thumbnails import make_thumbnails


def test_pictures_are_averaged_and_numbers_stay():
    frames = np.zeros((2, 1, 16, 32), dtype=np.uint8)
    frames[1, 0, :, 16:] = 200
    small = make_thumbnails(frames)
    assert small.shape == (2, 64) and small[0].max() == 0
    assert small[1].reshape(8, 8).tolist() == [[0] * 4 + [200] * 4] * 8
    numbers = np.arange(6.0).reshape(3, 2)
    assert make_thumbnails(numbers) is numbers
