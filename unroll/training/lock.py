"""The lock of a run folder: one process trains in it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.errors import UserError

FILE = ".lock"


class IsLocked(UserError):
    """Another process has the lock."""


class Lock:
    """A lock that is held.

    Attributes:
        handle: of the open file; closing it ends the lock, and so does the end of the process.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle


@contextmanager
def take_lock(folder: Path, name: Path | None = None) -> Iterator[Lock]:
    """A block in which no other process has the lock of a folder.

    Args:
        folder: of a run.
        name: what it is called, for errors. Default: its path.

    Raises:
        IsLocked: where another process has it.
        UserError: where the file cannot be one.
    """
    name = name or folder
    handle = open_lock(folder, name)
    try:
        if not lock_file(handle, folder, name):
            raise IsLocked(
                f"Another process is training in {name}. Wait for it, or name another folder by "
                "--out."
            )
        yield Lock(handle)
    finally:
        os.close(handle)


@contextmanager
def try_lock(folder: Path) -> Iterator[bool]:
    """A block in which no other process has the lock of a folder: True; or one has it: False."""
    try:
        handle = open_lock(folder, folder)
    except (UserError, OSError):
        yield False
        return
    try:
        yield lock_file(handle, folder, folder)
    finally:
        os.close(handle)


def open_lock(folder: Path, name: Path) -> int:
    """The open lock file: never through a link, never a pipe, and nothing in it is changed.

    Raises:
        UserError: where something else is in its place.
    """
    path = folder / FILE
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if not os.path.lexists(path) or is_regular(os.lstat(path)):
            raise OSError(error.errno, error.strerror, str(name / FILE)) from error
        raise no_lock(name) from error
    if not is_regular(os.fstat(handle)):
        os.close(handle)
        raise no_lock(name)
    return handle


def is_regular(about: os.stat_result) -> bool:
    """Whether it is the status of a file."""
    return stat.S_ISREG(about.st_mode)


def no_lock(name: Path) -> UserError:
    """The error of a lock file that is a link, a pipe or a folder."""
    return UserError(
        f"{name / FILE} is not a file; expected the empty file that unroll makes. Delete it."
    )


def lock_file(handle: int, folder: Path, name: Path) -> bool:
    """Lock an open lock file; False where another process has it, or has just replaced the folder.

    Raises:
        UserError: where the file system has no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(
            f"{name} cannot be locked against other processes: {error.strerror}. Name a folder on "
            "another file system by --out."
        ) from error
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(folder / FILE))
    except OSError:
        return False
