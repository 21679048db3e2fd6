"""Files that are complete or not there: temporary name, fsync, rename, and a manifest of SHA-256.

How they are read again stands in `unroll.saved_files`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.saved_files import MANIFEST, read_manifest, sha256

TEMPORARY = re.compile(r"\.(?P<name>.+)-[0-9a-z_]{8}")  # a file that is being written
SAVING, OLD = ".saving-", ".old-"  # folders that are being written or deleted


def as_json(value: object) -> bytes:
    """A value as the bytes of a JSON file."""
    try:
        return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a name of a file that is not UTF-8
        return (json.dumps(value, indent=1) + "\n").encode()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A block in which an error of the disk names this path: a failed write has no name of a file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and str(error.filename) != str(path):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def temporary_name(path: Path) -> Path:
    """A free name beside a file, which `sweep_files` knows."""
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}")


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, onto the disk, with the rights that the umask leaves."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by its new content; at no moment is half of it there.

    Raises:
        OSError: where it cannot be written; the error names the file.
    """
    temporary = temporary_name(path)
    with naming(path):
        try:
            write_new(temporary, content)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


def fill_folder(folder: Path, files: Mapping[str, bytes], name: Path) -> None:
    """Write files and their manifest into a new folder.

    Args:
        folder: an empty one.
        files: content by name.
        name: what the folder will be called, for errors.
    """
    manifest = {each: hashlib.sha256(content).hexdigest() for each, content in files.items()}
    for each, content in {**files, MANIFEST: as_json(manifest)}.items():
        with naming(name / each):
            write_new(folder / each, content)
    sync_folder(folder)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files and their manifest; at no moment is half of it there.

    An older folder of the same name is moved away first and deleted last.

    Args:
        folder: its path.
        files: content by name.

    Raises:
        OSError: where it cannot be written; the error names the file.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f"{SAVING}{secrets.token_hex(4)}")
    try:
        with naming(folder):
            temporary.mkdir()
        fill_folder(temporary, files, folder)
        with naming(folder):
            if os.path.lexists(folder):
                aside = folder.with_name(f"{OLD}{secrets.token_hex(4)}")
                folder.replace(aside)
                temporary.replace(folder)
                shutil.rmtree(aside, ignore_errors=True)
            else:
                temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def sweep_folders(folder: Path) -> None:
    """Drop folders that a killed save left behind; the caller holds the run's lock."""
    for pattern in (f"{SAVING}*", f"{OLD}*"):
        for left in folder.glob(pattern):
            shutil.rmtree(left, ignore_errors=True)  # a link is left alone


def sweep_files(folder: Path, but: set[str]) -> None:
    """Drop files that a killed save left behind; the caller holds the run's lock.

    Args:
        folder: with a manifest.
        but: names of files that are saved there without being listed in it.
    """
    known = {MANIFEST, *read_manifest(folder), *but}
    for left in folder.iterdir():
        match = TEMPORARY.fullmatch(left.name)
        if match and match["name"] in known and (left.is_symlink() or left.is_file()):
            left.unlink(missing_ok=True)


def update_manifest(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace files of a folder that has a manifest, so that it can be loaded at any moment.

    First the manifest allows the new beside the old, then the files change, then only the new
    is allowed.

    Args:
        folder: with a manifest.
        files: content by name.

    Raises:
        Damaged: where the manifest is incomplete.
        OSError: where a file cannot be written; the error names the file.
    """
    path = folder / MANIFEST
    before: dict[str, Any] = {}
    if os.path.lexists(path):
        before = {name: settled(folder / name, has) for name, has in read_manifest(folder).items()}
    after = before | {name: hashlib.sha256(c).hexdigest() for name, c in files.items()}
    both = {name: old if old == after[name] else [old, after[name]] for name, old in before.items()}
    if before:
        write_whole(path, as_json(both))
    for name, content in files.items():
        write_whole(folder / name, content)
    write_whole(path, as_json(after))


def settled(path: Path, hashes: list[str]) -> str:
    """The hash of a file whose replacement may have been cut off: which of the two lies there."""
    if len(hashes) == 1:
        return hashes[0]
    there = sha256(path) if os.path.lexists(path) else None
    return there if there in hashes else hashes[-1] if hashes else ""


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be synchronised."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
