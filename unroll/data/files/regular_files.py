"""Open the files that data names: regular files only, never a pipe, a device or a folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from unroll.data.files.opening import KINDS, regular_file
from unroll.errors import UserError


class CannotOpen(UserError):
    """A path that cannot be opened as a file; its sentence names it."""


def kind_of_path(path: str | Path) -> str | None:
    """What a path leads to: "a file", or "a folder", "a named pipe" and so on; None for nothing.

    When to use it: for a path that data names. Links are followed; nothing is opened.

    Examples:
        >>> from unroll.data.files.regular_files import kind_of_path
        >>> kind_of_path("."), kind_of_path("no such file"), kind_of_path("/dev/null")
        ('a folder', None, 'a device')
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  a text that can be no path is no path
    except (OSError, ValueError):
        return None
    kinds = (words for is_kind, words in KINDS.items() if is_kind(mode))
    return "a file" if stat.S_ISREG(mode) else next(kinds, "something else")


def open_regular(path: Path, name: str | None = None, what: str = "a regular file") -> IO[bytes]:
    """Open a regular file to read its bytes.

    When to use it: for every file that data names. A pipe without a writer would block for ever, and
    a device such as /dev/zero has no end.

    Args:
        path: of the file.
        name: the file's name in errors. Default: the path.
        what: what the file should hold, for errors: "a sound".

    Raises:
        CannotOpen: where there is no such file, it is no regular file, or it cannot be opened.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.regular_files import open_regular
        >>> _ = Path("a.bin").write_bytes(b"abc")
        >>> with open_regular(Path("a.bin")) as file:
        ...     file.read()
        b'abc'
    """
    name = name or str(path)
    check_regular(path, name, what)
    try:
        # a file that is replaced by a pipe after the check does not block either
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
        file = os.fdopen(descriptor, "rb")
    except OSError as error:
        raise CannotOpen(f"{name} cannot be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise CannotOpen(f"{name} is not a regular file; expected {what}.")
    return file


def check_regular(
    path: Path, name: str | None = None, what: str = "a regular file", most: int | None = None
) -> None:
    """Check that a path leads to a regular file that is not too large.

    Args:
        path: of the file.
        name: the file's name in errors. Default: the path.
        what: what the file should hold, for errors.
        most: bytes that it may have. Default: any number.

    Raises:
        CannotOpen: where it does not.
    """
    name = name or str(path)
    try:
        size = regular_file(path, name, what).stat().st_size
    except UserError as error:
        raise CannotOpen(str(error)) from error
    if most is not None and size > most:
        raise CannotOpen(f"{name} has {size:,} bytes; expected {what} of at most {most:,}.")


def read_regular(
    path: Path, most: int, name: str | None = None, what: str = "a regular file"
) -> bytes:
    """The bytes of a regular file that is not too large.

    Args:
        path: of the file.
        most: bytes that it may have.
        name: the file's name in errors. Default: the path.
        what: what the file should hold, for errors.

    Raises:
        CannotOpen: where it cannot be opened or read, or is larger.
    """
    name = name or str(path)
    check_regular(path, name, what, most)
    with open_regular(path, name, what) as file:
        try:
            return file.read(most) or b""  # some files of /proc would block, and give nothing
        except (OSError, MemoryError) as error:
            why = getattr(error, "strerror", None) or str(error) or "not enough memory"
            raise CannotOpen(f"{name} cannot be read: {why}.") from error
