"""A file that grows while a disk has room for it, and elsewhere after that."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

WRITE = 1 << 20  # bytes that are written at a time


class GrowingFile:
    """A file that grows: in a folder, and where the disk does not take it, elsewhere.

    Args:
        path: of the file; None: a temporary one without a name.
        say: takes the reason where the disk does not take it.

    Attributes:
        file: the open file, or the memory that has taken its place.
        size: bytes that it has.
        moved: whether it is not at the path.
    """

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        self.size, self.moved, self._waiting, self._say = 0, path is None, bytearray(), say
        self._digest = hashlib.sha256()
        self.file: IO[bytes]
        if path is None:
            self.file = temporary_file()
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            self.file = os.fdopen(os.open(path, flags, 0o600), "w+b", buffering=0)
        except OSError as error:
            self._move(error)

    def write(self, data: bytes) -> None:
        """Append bytes, a megabyte at a time."""
        self._waiting += data
        if len(self._waiting) > WRITE:
            self.flush()

    def flush(self) -> None:
        """Append what was written to the file itself."""
        data, self._waiting = bytes(self._waiting), bytearray()
        self._digest.update(data)
        while True:
            try:
                self.file.seek(self.size)
                write_all(self.file, data)
            except OSError as error:
                self._move(error)
            else:
                self.size += len(data)
                return

    def sha256(self) -> str:
        """Of all that was flushed."""
        return self._digest.hexdigest()

    def array(self, dtype: str) -> np.ndarray:
        """What it holds, mapped where it is a file; nobody can change it."""
        if self.size == 0:
            return np.zeros(0, dtype=dtype)
        if isinstance(self.file, io.BytesIO):
            return np.frombuffer(self.file.getvalue(), dtype=dtype)
        return np.memmap(self.file, dtype=dtype, mode="r")

    def close(self) -> None:
        """Close the file; what was mapped stays."""
        self.file.close()

    def _move(self, error: OSError) -> None:
        """Go on elsewhere after an error of the disk: in a temporary file, at last in memory."""
        if isinstance(getattr(self, "file", None), io.BytesIO):
            raise error
        before = getattr(self, "file", None)
        self._say(error.strerror or str(error))
        moved = io.BytesIO() if self.moved else temporary_file()
        self.moved = True
        if before is not None:
            before.seek(0)
            try:
                write_all(moved, before.read(self.size))
            except OSError:  # the disk of temporary files is full too
                moved.close()
                before.seek(0)
                moved = io.BytesIO(before.read(self.size))
            before.close()
        self.file = moved


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write to an unbuffered file, which may take a part at a time."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]


def temporary_file() -> IO[bytes]:
    """A file without a name, which ends with the process; memory where there is no room for it."""
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError:
        return io.BytesIO()
