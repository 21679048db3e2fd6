"""The cache of compiled kernels: what is sealed (`unroll.private_cache`) and where.

Loading an object runs code, so the cache is used only where nobody else could have put a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unroll import private_cache
from unroll.engine.cpu.build_error import ELSEWHERE, BuildError
from unroll.private_cache import CacheError, sealed, unsealed

FORMAT = 1  # raise it when the same source, flags and compiler are to give another object
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
    with as_build_error():
        unroll = private_cache.unroll_folder()
    return unroll, unroll / "kernels"


def make_folders(folders: tuple[Path, ...]) -> None:
    """Make the folders that are missing, for this user alone. Raises: BuildError."""
    with as_build_error():
        private_cache.make_folders(folders)


def check_folders(folders: tuple[Path, ...]) -> None:
    """Refuse folders in which somebody else could have put an object. Raises: BuildError."""
    with as_build_error():
        private_cache.check_folders(folders)


@contextmanager
def as_build_error() -> Iterator[None]:
    """A block in which a cache that cannot be used is a kernel that cannot be built."""
    try:
        yield
    except CacheError as error:
        advice = f"{error.advice}, or {ELSEWHERE}" if error.advice else ELSEWHERE
        raise BuildError(error.reason, advice) from error


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
    """The status of what has this name; None where there is nothing. Raises: BuildError."""
    with as_build_error():
        return private_cache.status_of(path)


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
        reason = f"the cache directory {folder} cannot be written to ({error.strerror or error})"
        raise BuildError(reason, ELSEWHERE) from error
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
