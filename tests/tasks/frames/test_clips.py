"""Clips of every kind come out as the frames that went in, and bad ones in a sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unroll.tasks.frames.clips import ClipReader, clip_size
from unroll.tasks.frames.video import BadClip

READ = ClipReader((3, 16, 16))
OPEN = Path("/proc/self/fd")


def near(one, two):
    return np.abs(one.astype(int) - two.astype(int)).mean() < 12  # what compression loses


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_video_files(tmp_path, name, files):
    frames = files.moving(12)
    clip = READ(files.write_video(tmp_path / name, frames))
    assert clip.values.shape == (12, 3, 16, 16) and clip.values.dtype == np.uint8
    assert near(clip.values, files.planar(frames)) and clip.total == 12
    np.testing.assert_allclose(clip.times, np.arange(13) / 10, atol=2e-3)


def test_folders_in_the_order_of_their_numbers(tmp_path, files):
    frames = files.moving(11)
    clip = READ(files.write_folder(tmp_path / "clip", frames))
    np.testing.assert_array_equal(clip.values, files.planar(frames))
    assert clip.times is None and clip_size(tmp_path / "clip") == (16, 16)


def test_strips(tmp_path, files):
    frames = files.moving(5)
    path = files.write_strip(tmp_path / "strip.png", frames)
    np.testing.assert_array_equal(READ(path).values, files.planar(frames))
    half = ClipReader((3, 16, 8), strip=10)(path)
    np.testing.assert_array_equal(half.values[1], files.planar(frames)[0][:, :, 8:])
    with pytest.raises(BadClip, match=r"not 7 frames \(--set frames\) side by side"):
        ClipReader((3, 16, 16), strip=7)(path)
    Image.new("RGB", (20, 16)).save(tmp_path / "odd.png")
    with pytest.raises(BadClip, match="20 x 16 pixels, which are not a whole number of squares"):
        READ(tmp_path / "odd.png")


def test_animations(tmp_path, files):
    frames = files.moving(4)
    clip = READ(files.write_gif(tmp_path / "a.gif", frames, 200))
    assert clip.values.shape == (4, 3, 16, 16) and near(clip.values, files.planar(frames))
    np.testing.assert_allclose(clip.times, [0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("kind", ["video", "folder", "strip", "gif"])
def test_every_and_longest_and_size(tmp_path, kind, files):
    write = getattr(files, f"write_{kind}")
    suffix = {"video": ".mp4", "folder": "", "strip": ".png", "gif": ".gif"}[kind]
    path = write(tmp_path / f"a{suffix}", files.moving(9))
    whole = READ(path)
    some = ClipReader((3, 16, 16), every=2, longest=3)(path)
    np.testing.assert_array_equal(some.values, whole.values[[0, 2, 4]])
    assert some.total == 9
    if whole.times is not None:
        np.testing.assert_allclose(some.times, whole.times[[0, 2, 4, 6]])
    grey = ClipReader((1, 8, 4), every=4)(path)
    assert grey.values.shape == (3, 1, 8, 4) and grey.values.std() > 0


def test_bad_clips_are_one_sentence(tmp_path, files):
    whole = files.write_video(tmp_path / "a.mkv", files.moving(40)).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    avi = files.write_video(tmp_path / "a.avi", files.moving(40)).read_bytes()
    (tmp_path / "cut.avi").write_bytes(avi[: len(avi) // 2])
    (tmp_path / "words.mp4").write_text("words")
    (tmp_path / "words.png").write_text("words")
    png = files.write_strip(tmp_path / "a.png", files.moving(6)).read_bytes()
    (tmp_path / "cut.png").write_bytes(png[: len(png) // 2])
    (tmp_path / "empty").mkdir()
    files.write_folder(tmp_path / "sizes", files.moving(2))
    Image.new("RGB", (8, 8)).save(tmp_path / "sizes" / "frame3.png")
    for name, sentence in {
        "cut.mkv": "cut.mkv is truncated: [0-9,]+ bytes",
        "cut.avi": "cut.avi is truncated: [0-9,]+ bytes",
        "words.mp4": "words.mp4 is not a video that can be read",
        "words.png": "words.png is no image that can be read",
        "cut.png": "cut.png is no image that can be read",
        "empty": "has no image; expected the frames of a clip",
        "none.mp4": "There is no file .*none.mp4; expected a video",
        "sizes": r"frame3.png is 8 x 8 pixels where frame1.png is 16 x 16; expected frames of one",
    }.items():
        with pytest.raises(BadClip, match=sentence):
            READ(tmp_path / name)


@pytest.mark.skipif(not OPEN.exists(), reason="needs a folder of open files")
def test_no_file_stays_open(tmp_path, files):
    paths = [
        files.write_video(tmp_path / "a.mp4", files.moving(4)),
        files.write_gif(tmp_path / "a.gif", files.moving(4)),
        files.write_strip(tmp_path / "a.png", files.moving(4)),
        files.write_folder(tmp_path / "a", files.moving(4)),
        tmp_path / "bad.mp4",
        tmp_path / "bad.gif",
    ]
    for path in paths[-2:]:
        path.write_bytes(b"nothing")

    def all_of_them():
        for path in paths:
            try:
                READ(path)
            except BadClip:
                assert path.name.startswith("bad")

    all_of_them()
    before = len(list(OPEN.iterdir()))
    for _ in range(5):
        all_of_them()
    assert len(list(OPEN.iterdir())) == before


def test_rows_of_numbers(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("x,y\n1,2\n3,4\n5,6\n")
    clip = ClipReader((2,), every=2)(path)
    assert clip.values.tolist() == [[1, 2], [5, 6]] and clip.total == 3


def test_animations_and_frames_are_bounded_before_they_are_read(tmp_path, monkeypatch):
    frames = [Image.new("L", (16, 16), 40 * k) for k in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert ClipReader((1, 8, 8))(tmp_path / "a.gif").total == 4
    monkeypatch.setattr("unroll.tasks.frames.clips.MOST_DECODED", 1000)
    with pytest.raises(BadClip, match="4 frames of 16 x 16 pixels; expected at most 1,000 pixels"):
        ClipReader((1, 8, 8))(tmp_path / "a.gif")
    Image.new("L", (6500, 2)).save(tmp_path / "a.png")
    with pytest.raises(BadClip, match="expected frames at most 64 times as wide as high"):
        clip_size(tmp_path / "a.png", strip=1)


def test_a_name_with_a_raised_digit_is_a_frame(tmp_path):
    (tmp_path / "clip").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "clip" / "1²2.png")
    assert ClipReader((1, 8, 8))(tmp_path / "clip").total == 1


def test_numbers_beyond_float32_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,1e300\n")
    with pytest.raises(BadClip, match=r"line 2: .*1e300. is beyond 1e\+30"):
        ClipReader((2,))(tmp_path / "a.csv")
