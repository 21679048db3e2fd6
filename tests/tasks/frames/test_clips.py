"""Clips of every kind come out as the frames that went in, and bad ones in a sentence."""

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unroll.data.problems import Problems
from unroll.tasks.frames.clips import Reading, clip_size
from unroll.tasks.frames.number_rows import find_wide, guess_features, read_numbers
from unroll.tasks.frames.video import BadClip, video_frames, video_size

spec = importlib.util.spec_from_file_location(
    "clip_files", Path(__file__).with_name("clip_files.py")
)
files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(files)

READ = Reading((3, 16, 16))
OPEN = Path("/proc/self/fd")


def near(one, two):
    return np.abs(one.astype(int) - two.astype(int)).mean() < 12  # what compression loses


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_video_files(tmp_path, name):
    frames = files.moving(12)
    clip = READ(files.write_video(tmp_path / name, frames))
    assert clip.values.shape == (12, 3, 16, 16) and clip.values.dtype == np.uint8
    assert near(clip.values, files.planar(frames)) and clip.total == 12
    np.testing.assert_allclose(clip.times, np.arange(13) / 10, atol=2e-3)


def test_folders_in_the_order_of_their_numbers(tmp_path):
    frames = files.moving(11)
    clip = READ(files.write_folder(tmp_path / "clip", frames))
    np.testing.assert_array_equal(clip.values, files.planar(frames))
    assert clip.times is None and clip_size(tmp_path / "clip") == (16, 16)


def test_strips(tmp_path):
    frames = files.moving(5)
    path = files.write_strip(tmp_path / "strip.png", frames)
    np.testing.assert_array_equal(READ(path).values, files.planar(frames))
    half = Reading((3, 16, 8), strip=10)(path)
    np.testing.assert_array_equal(half.values[1], files.planar(frames)[0][:, :, 8:])
    with pytest.raises(BadClip, match=r"not 7 frames \(--set frames\) side by side"):
        Reading((3, 16, 16), strip=7)(path)
    Image.new("RGB", (20, 16)).save(tmp_path / "odd.png")
    with pytest.raises(BadClip, match="20 x 16 pixels, which are not a whole number of squares"):
        READ(tmp_path / "odd.png")


def test_animations(tmp_path):
    frames = files.moving(4)
    clip = READ(files.write_gif(tmp_path / "a.gif", frames, 200))
    assert clip.values.shape == (4, 3, 16, 16) and near(clip.values, files.planar(frames))
    np.testing.assert_allclose(clip.times, [0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("kind", ["video", "folder", "strip", "gif"])
def test_every_and_longest_and_size(tmp_path, kind):
    write = getattr(files, f"write_{kind}")
    suffix = {"video": ".mp4", "folder": "", "strip": ".png", "gif": ".gif"}[kind]
    path = write(tmp_path / f"a{suffix}", files.moving(9))
    whole = READ(path)
    some = Reading((3, 16, 16), every=2, longest=3)(path)
    np.testing.assert_array_equal(some.values, whole.values[[0, 2, 4]])
    assert some.total == 9
    if whole.times is not None:
        np.testing.assert_allclose(some.times, whole.times[[0, 2, 4, 6]])
    grey = Reading((1, 8, 4), every=4)(path)
    assert grey.values.shape == (3, 1, 8, 4) and grey.values.std() > 0


def test_bad_clips_are_said(tmp_path):
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
    for name, said in {
        "cut.mkv": "frames: it is cut off|damaged|no video",
        "cut.avi": "frames: it is cut off|damaged|no video",
        "words.mp4": "words.mp4 is no video that can be read",
        "words.png": "words.png is neither a video nor an image",
        "cut.png": "cut.png is no image that can be read",
        "empty": "holds no image; expected the frames of a clip",
        "none.mp4": "none.mp4 is no video that can be read",
        "sizes": r"frame3.png is 8 x 8 pixels where frame1.png is 16 x 16; expected frames of one",
    }.items():
        with pytest.raises(BadClip, match=said):
            READ(tmp_path / name)


def test_sound_without_pictures(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 8000
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    with pytest.raises(BadClip, match="holds no pictures, only sound"):
        READ(tmp_path / "a.mp4")


@pytest.mark.skipif(not OPEN.exists(), reason="needs a folder of open files")
def test_no_file_stays_open(tmp_path):
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
    clip = Reading((2,), every=2)(path)
    assert clip.values.tolist() == [[1, 2], [5, 6]] and clip.total == 3
    for text, said in {
        "1,2\n3\n": "hand.csv, line 2: 1 column where 2 are expected",
        "1,2\n3,a\n": "hand.csv, line 2: 'a' is no finite number",
        "1,2\n3,nan\n": "'nan' is no finite number",
        "x,y\n": "holds no row of numbers",
    }.items():
        path.write_text(text)
        with pytest.raises(BadClip, match=said):
            read_numbers(path, 2)


def test_a_wide_table(tmp_path):
    path = tmp_path / "wide.csv"
    rows = [[k % 2, *np.round(np.arange(8) / 7 + k, 3)] for k in range(6)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n1,2\n")
    wide = find_wide(path)
    assert wide is not None and wide.label == 0 and wide.width == 9 and not wide.header
    problems = Problems(skip=True)
    assert len(list(wide.rows(problems))) == 6 and problems.count == 1
    assert "line 7: 2 columns where 9 are expected" in problems.messages()[1]
    assert find_wide(path, columns=9).label is None
    (tmp_path / "clips.csv").write_text("path,action\na.mp4,walk\nb.mp4,run\n")
    assert find_wide(tmp_path / "clips.csv") is None


def test_how_many_numbers_are_a_frame():
    draw = np.random.default_rng(0)
    paths = draw.normal(size=(20, 10, 3)).cumsum(1) + 10 * np.arange(3)
    assert guess_features(("",) * 30, paths.reshape(20, 30))[0] == 3
    names = tuple(f"{axis}_{k}" for k in range(3) for axis in "xyz")
    assert guess_features(names, np.zeros((1, 9))) == (3, "as the names come again")


def test_a_phone_video_is_turned_as_players_turn_it(tmp_path):
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
