"""What the caches on disk share: folders that nobody else can write to, and sealed files.

A file ends with a seal, which is checked before every use: what is truncated, changed or another
file's content is never used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("unroll")

MAGIC = b"\nunroll sealed object\n"
DIGEST = 32


class CacheError(RuntimeError):
    """A cache that cannot be used.

    Attributes:
        reason: why, to be read after "because".
        advice: what to do about it; "" where another folder helps.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason, advice)
        self.reason, self.advice = reason, advice

    def __str__(self) -> str:
        return self.reason


def home() -> Path:
    """Never a temporary directory in its place: there, others can foresee the names.

    Raises:
        CacheError: where no home directory is named, or it does not exist or cannot be read.
    """
    text = os.environ.get("HOME")
    if not text:
        import pwd  # not on every system

        with suppress(KeyError):
            text = pwd.getpwuid(os.geteuid()).pw_dir
    if not text:
        raise CacheError("there is no home directory for it")
    path = Path(text).absolute()
    try:
        there = path.is_dir()
    except OSError as error:
        raise CacheError(
            f"the home directory {path} cannot be read ({error.strerror or error})", "set HOME"
        ) from error
    if not there:
        raise CacheError(f"the home directory {path} does not exist", "set HOME")
    return path


def unroll_folder() -> Path:
    """The folder of all caches: $XDG_CACHE_HOME/unroll, else ~/.cache/unroll.

    Raises:
        CacheError: where there is no home directory.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).absolute() if base else home() / ".cache") / "unroll"


def make_folders(folders: tuple[Path, ...]) -> None:
    """Make the folders that are missing, for this user alone.

    Args:
        folders: those that have to be ours, the outer first.

    Raises:
        CacheError: where one cannot be made.
    """
    missing = [path for path in (folders[-1], *folders[-1].parents) if status_of(path) is None]
    for path in reversed(missing):
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise unusable(path, "cannot be created", error) from error


def check_folders(folders: tuple[Path, ...]) -> None:
    """Refuse folders in which somebody else could have put a file.

    Raises:
        CacheError: where one is a link, is no directory, belongs to another user, or can be written
            to by others; or where its status cannot be read.
    """
    for path in folders:
        about = status_of(path)
        if about is None:
            continue
        if stat.S_ISLNK(about.st_mode):
            raise CacheError(f"the cache directory {path} is a symbolic link")
        if not stat.S_ISDIR(about.st_mode):
            raise CacheError(f"the cache directory {path} is not a directory")
        if about.st_uid != os.geteuid():
            raise CacheError(f"the cache directory {path} belongs to another user")
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise CacheError(
                f"the cache directory {path} can be written to by other users",
                "run `chmod go-w` on it",
            )


def status_of(path: Path) -> os.stat_result | None:
    """The status of what has this name, also of a link to nothing; None where there is nothing.

    Raises:
        CacheError: where the status cannot be read for another reason.
    """
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unusable(path, "cannot be used", error) from error


def unusable(path: Path, what: str, error: OSError) -> CacheError:
    """The error of a cache directory that cannot be used."""
    return CacheError(f"the cache directory {path} {what} ({error.strerror or error})")


def seal(content: bytes, name: str) -> bytes:
    """It holds the file's name, so that a file under another one's name is found out."""
    return MAGIC + hashlib.sha256(name.encode() + b"\0" + content).digest()


def sealed(content: bytes, name: str) -> bytes:
    """The content and its seal in one file, so that one rename puts both there.

    Loaders of shared objects ignore what follows an object.
    """
    return content + seal(content, name)


def unsealed(path: Path, name: str | None = None, what: str = "built") -> bytes | None:
    """The content of a sealed file; None where there is none, or it is not what was written.

    Args:
        path: of the file.
        name: that the seal holds. Default: that of the file.
        what: is done again then, for the log.
    """
    try:
        # a link is not followed, and a pipe in its place is not waited for
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.warning("%s is %s again: it cannot be opened (%s).", path, what, error.strerror)
        return None
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        log.warning("%s is %s again: it is not a file.", path, what)
        return None
    with os.fdopen(handle, "rb") as file:
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            log.warning("%s is %s again: other users can write to it.", path, what)
            return None
        whole = file.read()
    content = whole[: -len(MAGIC) - DIGEST]
    if whole != sealed(content, name or path.name):
        log.warning("%s is %s again: it is not what was written there.", path, what)
        return None
    return content
