"""Files are opened by what is in them; what is no file, or never ends, is refused in a sentence."""

import bz2
import gzip
import io
import lzma
import os
import socket
import zipfile

import pytest

from unroll.data.files import opening
from unroll.data.files.opening import open_bytes, regular_file
from unroll.errors import UserError

TEXT = b"text,label\none,a\n"


def zipped(*names, content=TEXT):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)
    return packed.getvalue()


def read(path):
    with open_bytes(path, path.name) as file:
        return file.read()


@pytest.mark.parametrize("name", ["a.csv", "a.gz", "A.CSV.BZ2", "a"])
@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:4]) + gzip.compress(TEXT[4:]),
        bz2.compress(TEXT),
        lzma.compress(TEXT),
        zipped("a.csv"),
        zipped("inside/a.csv", "__MACOSX/._a.csv", "inside/.DS_Store"),
    ],
    ids=["plain", "gzip", "two gzips", "bzip2", "xz", "zip", "zip of a Mac"],
)
def test_the_content_decides_whatever_the_name(tmp_path, name, packed):
    (tmp_path / name).write_bytes(packed)
    assert read(tmp_path / name) == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("change", [lambda b: b[:-9], lambda b: b[:20] + b"\xff\0" + b[22:]])
def test_damaged_files_are_refused_by_name(tmp_path, pack, change):
    whole = pack(os.urandom(999))
    (tmp_path / "a.csv").write_bytes(change(whole))
    with pytest.raises(UserError, match=r"a\.csv is not a complete .* file"):
        read(tmp_path / "a.csv")


def test_a_zip_holds_one_file(tmp_path):
    for members in ([], ["a.csv", "b.csv"]):
        (tmp_path / "a.zip").write_bytes(zipped(*members))
        with pytest.raises(UserError, match=rf"a zip with {len(members)} files.*expected one"):
            read(tmp_path / "a.zip")
    (tmp_path / "a.zip").write_bytes(zipped("a.csv")[:-8])
    with pytest.raises(UserError, match="cannot be unpacked"):
        read(tmp_path / "a.zip")


def test_what_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(gzip.compress(b"0" * 5_000_000))
    assert len(read(tmp_path / "a.csv")) == 5_000_000
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(UserError, match=r"a\.csv unpacks to more than"):
        read(tmp_path / "a.csv")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "bound"))
    bound.close()
    for path, kind in [
        ("/dev/zero", "a device"),
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path, "a folder"),
        (tmp_path / "bound", "a socket"),
        (tmp_path / "none", "There is no file"),
        (tmp_path / "a" / "\0", "There is no file"),
    ]:
        with pytest.raises(UserError, match=kind):
            regular_file(path, str(path), "a table")
