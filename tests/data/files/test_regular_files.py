"""Only regular files are opened: no pipe, device, folder or socket, and none that is too large."""

import os
import socket

import pytest

from unroll.data.files.regular_files import CannotOpen, kind_of_path, open_regular, read_regular


def test_what_a_path_leads_to(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nothing")
    kinds = {
        "file": "a file",
        "link": "a file",
        "pipe": "a named pipe",
        ".": "a folder",
        "broken": None,
    }
    assert {name: kind_of_path(tmp_path / name) for name in kinds} == kinds
    assert kind_of_path("/dev/zero") == "a device"
    for no_path in ("a\0b", "\ud800", "x" * 5000):
        assert kind_of_path(no_path) is None


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to("nothing")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(tmp_path / "socket"))
        for name, said in {
            "pipe": "is (a named pipe|a device), not a regular file; expected a sound",
            "socket": "is a socket",
            "broken": "There is no file",
            ".": "is a folder",
        }.items():
            with pytest.raises(CannotOpen, match=said):
                open_regular(tmp_path / name, what="a sound")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        CannotOpen, match=r"1,099,511,627,776 bytes; expected an image of at most 99"
    ):
        read_regular(path, 99, what="an image")
    path.write_bytes(b"abc")
    assert read_regular(path, 3) == b"abc"
