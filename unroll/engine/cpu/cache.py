"""A private cache on disk: sealed files in folders that nobody else can write to.

A file ends with a seal (`sealed`), which is checked before every use: what is truncated, changed
or another file's content is never used. Loading an object runs code, so the cache is used only
where nobody else could have put a file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shlex
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unroll.engine.cpu.build_error import ELSEWHERE, BuildError

log = logging.getLogger("unroll")

FORMAT = 1  # raise it when the same source, flags and compiler are to give another object
MAGIC = b"\nunroll sealed object\n"
DIGEST = 32
LEFT_OVER = 3600.0  # seconds after which what a killed build left behind is removed
WORKPLACE = ".building-"


def recall(name: str) -> bytes | None:
    """What was remembered under this name, None where nothing whole is there."""
    folders = cache_folders()
    check_folders(folders)
    return unsealed(folders[-1] / name)


def remember(name: str, content: bytes) -> None:
    """Keep a few bytes in the cache, sealed as the objects are.

    Raises:
        BuildError: where the cache cannot be used.
    """
    folders = cache_folders()
    check_folders(folders)
    try:
        make_folders(folders)
        check_folders(folders)
        with workplace(folders[-1]) as place:
            replace_file(sealed(content, name), folders[-1] / name, place, 0o600)
    except OSError as error:
        raise BuildError(f"the cache cannot be used ({error})", ELSEWHERE) from error


def cache_folders() -> tuple[Path, ...]:
    """The folders that have to be ours, the outer first; the objects lie in the last."""
    own = os.environ.get("UNROLL_CACHE")
    if own:
        return (Path(own).absolute(),)
    base = os.environ.get("XDG_CACHE_HOME")
    unroll = (Path(base).absolute() if base else home() / ".cache") / "unroll"
    return unroll, unroll / "kernels"


def home() -> Path:
    """Never a temporary directory in its place: there, others can foresee the names.

    Raises:
        BuildError: where no home directory is named, or it does not exist or cannot be read.
    """
    text = os.environ.get("HOME")
    if not text:
        import pwd  # not on every system

        with suppress(KeyError):
            text = pwd.getpwuid(os.geteuid()).pw_dir
    if not text:
        raise BuildError("there is no home directory to keep compiled kernels in", ELSEWHERE)
    path = Path(text).absolute()
    try:
        there = path.is_dir()
    except OSError as error:
        raise BuildError(
            f"the home directory {path} cannot be read ({error.strerror or error})",
            f"set HOME, or {ELSEWHERE}",
        ) from error
    if not there:
        raise BuildError(f"the home directory {path} does not exist", f"set HOME, or {ELSEWHERE}")
    return path


def make_folders(folders: tuple[Path, ...]) -> None:
    """Make the folders that are missing, for this user alone. Raises: BuildError."""
    missing = [path for path in (folders[-1], *folders[-1].parents) if status_of(path) is None]
    for path in reversed(missing):
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise unusable(path, "cannot be created", error) from error


def check_folders(folders: tuple[Path, ...]) -> None:
    """Refuse folders in which somebody else could have put an object.

    Raises:
        BuildError: where one is a link, is no directory, belongs to another user, or can be written
            to by others; or where its status cannot be read.
    """
    for path in folders:
        about = status_of(path)
        if about is None:
            continue
        if stat.S_ISLNK(about.st_mode):
            raise BuildError(f"the cache directory {path} is a symbolic link", ELSEWHERE)
        if not stat.S_ISDIR(about.st_mode):
            raise BuildError(f"the cache directory {path} is not a directory", ELSEWHERE)
        if about.st_uid != os.geteuid():
            raise BuildError(f"the cache directory {path} belongs to another user", ELSEWHERE)
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BuildError(
                f"the cache directory {path} can be written to by other users",
                f"run `chmod go-w {shlex.quote(str(path))}`, or {ELSEWHERE}",
            )


def check_writable(folder: Path) -> None:
    """Without writing: the folder, or the one that it would be made in.

    Raises:
        BuildError: where that is not a directory, or we may not write to it.
    """
    place = next(path for path in (folder, *folder.parents) if status_of(path) is not None)
    if not place.is_dir():
        raise BuildError(f"{place}, where the cache would be, is not a directory", ELSEWHERE)
    if not os.access(place, os.W_OK | os.X_OK):
        raise BuildError(f"the cache directory {folder} cannot be written to", ELSEWHERE)
    if os.statvfs(place).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise BuildError(
            f"the file system of the cache directory {folder} forbids execution", ELSEWHERE
        )


def status_of(path: Path) -> os.stat_result | None:
    """The status of what has this name, also of a link to nothing; None where there is nothing.

    Raises:
        BuildError: where the status cannot be read for another reason.
    """
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unusable(path, "cannot be used", error) from error


def unusable(path: Path, what: str, error: OSError) -> BuildError:
    """The error of a cache directory that cannot be used."""
    return BuildError(f"the cache directory {path} {what} ({error.strerror or error})", ELSEWHERE)


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A folder for half-done things, beside where they will lie; nothing is loaded from it.

    Raises:
        BuildError: where it cannot be made.
    """
    place = folder / f"{WORKPLACE}{os.getpid()}-{os.urandom(8).hex()}"
    try:
        place.mkdir(mode=0o700)
    except OSError as error:
        raise unusable(folder, "cannot be written to", error) from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)  # what stays is swept by a later build


def sweep(folder: Path) -> None:
    """Remove what killed builds left behind; a build that lives is younger than that."""
    for left in folder.glob(f"{WORKPLACE}*"):
        with suppress(FileNotFoundError):
            if time.time() - left.lstat().st_mtime > LEFT_OVER:
                shutil.rmtree(left, ignore_errors=True)


def replace_file(content: bytes, path: Path, place: Path, mode: int) -> None:
    """Replace a file, at no moment half of it."""
    temporary = place / f"whole-{path.name}"
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def digest(about: object) -> str:
    """The SHA-256 of something that can be written as JSON."""
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def seal(content: bytes, name: str) -> bytes:
    """It holds the file's name, so that an object under another one's name is found out."""
    return MAGIC + hashlib.sha256(name.encode() + b"\0" + content).digest()


def sealed(content: bytes, name: str) -> bytes:
    """The content and its seal in one file, so that one rename puts both there.

    Loaders ignore what follows an object.
    """
    return content + seal(content, name)


def unsealed(path: Path) -> bytes | None:
    """The content of a sealed file; None where there is none, or it is not what was written."""
    try:
        # a link is not followed, and a pipe in its place is not waited for
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s is built again: it cannot be opened (%s).", path, error.strerror)
        return None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            log.warning("%s is built again: it is not a file.", path)
            return None
        if about.st_uid != os.geteuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            log.warning("%s is built again: other users can write to it.", path)
            return None
        whole = file.read()
    content = whole[: -len(MAGIC) - DIGEST]
    if whole != sealed(content, path.name):
        log.warning("%s is built again: it is not what was written there.", path)
        return None
    return content
