"""Video files: sound alone is refused, and videos of phones are upright."""

import struct

import numpy as np
import pytest

from unroll.tasks.frames.video import BadClip, video_frames, video_size


def test_sound_without_pictures(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 8000
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    with pytest.raises(BadClip, match="has no pictures, only sound"):
        video_frames(tmp_path / "a.mp4", 16, 16)


def test_a_phone_video_is_turned_as_players_turn_it(tmp_path, files):
    frames = np.zeros((3, 16, 32, 3), np.uint8)
    frames[:, :, :8] = 255  # bright on the left
    path = files.write_video(tmp_path / "plain.mp4", frames)
    plain, _, _ = video_frames(path, 16, 32, grey=True)
    # the matrix of the track header: a quarter turn with the clock
    straight = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    at = data.index(straight, data.index(b"tkhd"))
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data[:at] + quarter + data[at + len(straight) :])
    assert video_size(turned) == (32, 16)
    found, _, _ = video_frames(turned, 32, 16, grey=True)
    np.testing.assert_array_equal(found, np.rot90(plain, -1, axes=(2, 3)))
    assert found[0, 0, :6].mean() > 200 > 60 > found[0, 0, 12:].mean()


def test_the_pixels_of_all_frames_are_counted(tmp_path, files, monkeypatch):
    path = files.write_video(tmp_path / "a.mp4", np.zeros((6, 16, 32, 3), np.uint8))
    monkeypatch.setattr("unroll.tasks.frames.video.MOST_DECODED", 5 * 16 * 32)
    with pytest.raises(BadClip, match="more than 5 frames of 32 x 16 pixels; expected at most"):
        video_frames(path, 16, 16)
