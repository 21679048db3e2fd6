"""Containers of FFmpeg: what is cut, damaged, hostile or no container is a sentence."""

import os

import numpy as np
import pytest

from unroll.data.av_files import missing_bytes, open_av
from unroll.data.files.regular_files import CannotOpen

av = pytest.importorskip("av")


def video(path, **options):
    with av.open(str(path), "w", **options) as file:
        file.metadata["title"] = "a title"
        stream = file.add_stream("mpeg4", rate=10, width=16, height=16)
        noise = np.random.default_rng(0)
        for _ in range(20):
            pixels = noise.integers(0, 255, (16, 16, 3), dtype=np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        file.mux(stream.encode())
    return path


def count(path):
    with open_av(path, "a video") as file:
        return len(list(file.decode(video=0)))


@pytest.mark.parametrize("suffix", ["mp4", "mov", "avi", "mkv"])
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path, suffix):
    options = {"options": {"movflags": "faststart"}} if suffix in ("mp4", "mov") else {}
    path = video(tmp_path / f"a.{suffix}", **options)
    assert count(path) == 20
    held = path.read_bytes()
    for k in range(1, 20):
        path.write_bytes(held[: len(held) * k // 20])
        with pytest.raises(CannotOpen, match=r"truncated|can be read"):
            count(path)
    path.write_bytes(held + b"other bytes behind it")
    with path.open("rb") as file:
        assert missing_bytes(file) == 0


def test_metadata_that_are_not_utf8_do_no_harm(tmp_path):
    path = video(tmp_path / "a.mp4")
    held = path.read_bytes()
    assert b"a title" in held
    path.write_bytes(held.replace(b"a title", b"a \xff\xfe\xfdle"))
    assert count(path) == 20


def test_a_playlist_opens_no_other_file(tmp_path):
    video(tmp_path / "b.mp4")
    for text in (
        "#EXTM3U\n#EXTINF:1,\nb.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile b.mp4\n",
    ):
        (tmp_path / "a.mp4").write_text(text)
        with pytest.raises(CannotOpen, match="is not a video that can be read"):
            count(tmp_path / "a.mp4")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(CannotOpen, match="is a named pipe"):
        count(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"")
    with pytest.raises(CannotOpen, match="is not a video that can be read"):
        count(tmp_path / "b.mp4")


def test_any_bytes_are_a_number_of_missing_bytes(tmp_path):
    noise = np.random.default_rng(0)
    for head in (
        b"\0\0\0\x20ftyp",
        b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe",
        b"RIFF\1\0\0\0AVI ",
    ):
        for n in range(40):
            path = tmp_path / "a"
            path.write_bytes(head + noise.bytes(n))
            with path.open("rb") as file:
                assert missing_bytes(file) >= 0
