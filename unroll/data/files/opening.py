"""Open a file by what is in it: plain, or packed as gzip, bzip2, xz, or a zip with one member."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from unroll.errors import UserError

MARKS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zip": re.compile(rb"PK(\x03\x04|\x05\x06)"),
}
MODULES = {"bzip2": "bz2", "xz": "lzma"}  # some builds of Python lack them
KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
BLOCK = 1 << 18
# no text or table packs so well; without a limit a small file may never end
MOST_UNPACKED, MOST_TIMES = 1 << 31, 200


def lzma_errors() -> tuple[type[Exception], ...]:
    """What damaged xz raises; nothing where this Python cannot unpack it."""
    try:
        return (import_module("lzma").LZMAError,)
    except ImportError:
        return ()


# what the packer of zips raises: damaged, encrypted, or packed in a way that it does not know
BAD_ZIP = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error)
DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # an encrypted member of a zip
    MemoryError,  # a dictionary of xz
    zlib.error,
    zipfile.BadZipFile,
    *lzma_errors(),
)


def regular_file(path: str | Path, name: str, expected: str = "a file") -> Path:
    """The path of a regular file; a pipe or a device could be read without end.

    Args:
        path: where it should be.
        name: what the user called it, for errors.
        expected: what should be there, for errors: "a table".

    Raises:
        UserError: where there is no file, or a folder, pipe, device or socket.
    """
    place = Path(path)
    try:
        mode = os.stat(place).st_mode  # noqa: PTH116  ValueError too where it can be no path
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UserError(
            f"There is no file {name[:200]}; expected {expected}. Check the path, from {Path.cwd()}."
        ) from error
    except OSError as error:
        raise UserError(f"{name[:200]} cannot be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in KINDS.items() if is_kind(mode)), "something else")
        raise UserError(f"{name} is {kind}, not a regular file; expected {expected}.")
    return place


def container(path: Path) -> str | None:
    """How a regular file is packed, by its first bytes: gzip, bzip2, xz, zip; None: it is not."""
    with path.open("rb") as file:
        head = file.read(10)
    return next((kind for kind, mark in MARKS.items() if mark.match(head)), None)


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a file as bytes, unpacked where its content, whatever its name, is packed.

    Args:
        path: a regular file.
        name: what the user called it, for errors.

    Raises:
        UserError: where it cannot be read, is damaged, or unpacks without reason: to more than 2 GiB
            and 200 times its size.

    Examples:
        >>> import gzip
        >>> from pathlib import Path
        >>> from unroll.data.files.opening import open_bytes
        >>> _ = Path("packed.csv").write_bytes(gzip.compress(b"text,label"))
        >>> with open_bytes(Path("packed.csv"), "packed.csv") as file:
        ...     file.read()
        b'text,label'
    """
    regular_file(path, name)
    try:
        kind = container(path)
        with path.open("rb") as plain:
            if kind is None:
                yield plain
                return
            with unpacker(kind, plain, name) as packed:
                unpacked = UnpackedBytes(packed, kind, name, path.stat().st_size)
                yield io.BufferedReader(unpacked, BLOCK)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}.") from error


def unpacker(kind: str, file: IO[bytes], name: str) -> Any:
    """A file that reads the unpacked bytes of a packed one.

    Raises:
        UserError: where this Python cannot unpack it, or a zip does not hold one file.
    """
    if kind == "gzip":
        return gzip.GzipFile(fileobj=file)
    if kind == "zip":
        return zip_member(file, name)
    try:
        module = import_module(MODULES[kind])
    except ImportError as error:
        raise UserError(
            f"{name} is packed as {kind}, which this Python cannot unpack ({error}). Unpack it first."
        ) from error
    return module.open(file)


def zip_member(file: IO[bytes], name: str) -> Any:
    """The one file that a zip holds.

    Raises:
        UserError: where it holds none or several, or is damaged or encrypted.
    """
    try:
        packed = zipfile.ZipFile(file)
        members = [each for each in packed.infolist() if is_member(each)]
        if len(members) == 1:
            return packed.open(members[0])
    except BAD_ZIP as error:
        raise UserError(
            f"{name} cannot be unpacked as a zip ({error}). Unpack it first."
        ) from error
    held = ", ".join(repr(each.filename[:40]) for each in members[:3])
    raise UserError(
        f"{name} is a zip with {len(members)} files{f' ({held} ...)' if held else ''}; expected one. "
        "Unpack it, and give the file."
    )


def is_member(member: zipfile.ZipInfo) -> bool:
    """Whether a member of a zip is a file of the user, not of the system that packed it."""
    parts = member.filename.split("/")
    return not member.is_dir() and parts[0] != "__MACOSX" and not parts[-1].startswith(".")


class UnpackedBytes(io.RawIOBase):
    """The unpacked bytes of a file; what is wrong with it becomes a sentence.

    Args:
        packed: reads the unpacked bytes.
        kind: how it is packed.
        name: what the user called the file, for errors.
        size: bytes of the packed file.
    """

    def __init__(self, packed: IO[bytes], kind: str, name: str, size: int) -> None:
        self._packed, self._kind, self._name, self._size = packed, kind, name, size
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._packed.read(len(buffer))
        except DAMAGED as error:
            raise UserError(
                f"{self._name} is not a complete {self._kind} file ({error}). Create it again, or "
                "give the text unpacked."
            ) from error
        self._count += len(block)
        if self._count > max(MOST_UNPACKED, MOST_TIMES * self._size):
            raise UserError(
                f"{self._name} unpacks to more than {MOST_UNPACKED >> 30} GiB and {MOST_TIMES} times "
                "its size; expected a text or a table. If it is one, give it unpacked."
            )
        buffer[: len(block)] = block
        return len(block)
