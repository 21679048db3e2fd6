"""Files that are complete or not there: temporary name, fsync, rename, and a manifest of SHA-256."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


class Damaged(Exception):
    """A file that is not what its manifest says; the message names it."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(value: object) -> bytes:
    """A value as the bytes of a JSON file."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by its new content; at no moment is half of it there."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files and their manifest; at no moment is half of it there.

    An older folder of the same name is moved away first and deleted last.

    Args:
        folder: its path.
        files: content by name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder.parent))
    try:
        manifest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        for name, content in {**files, MANIFEST: as_json(manifest)}.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(0o755)
        sync_folder(temporary)
        if folder.exists():
            aside = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
            folder.replace(aside / folder.name)
            temporary.replace(folder)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def sweep(folder: Path) -> None:
    """Drop what a killed save left behind; the caller holds the run's lock."""
    for pattern in (".saving-*", ".old-*"):
        for left in folder.glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


def check_folder(folder: Path, only: set[str] | None = None) -> None:
    """Compare every file of a folder with its manifest.

    A manifest may hold two hashes of a file that was being replaced: the new and the one before.

    Args:
        folder: with a manifest.
        only: compare these files and no others.

    Raises:
        Damaged: with the name of the file and what is wrong with it.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        expected = {str(name): wanted for name, wanted in manifest.items()}
    except FileNotFoundError as error:
        raise Damaged(f"{path} is missing") from error
    except (ValueError, AttributeError) as error:
        raise Damaged(f"{path} is incomplete") from error
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror or error}") from error
    for name, wanted in expected.items():
        if only is not None and name not in only:
            continue
        if Path(name).name != name:
            raise Damaged(f"{path} names {name!r}, which is not a file of its folder")
        if not (folder / name).is_file():
            raise Damaged(f"{folder / name} is missing")
        if sha256(folder / name) not in (wanted if isinstance(wanted, list) else [wanted]):
            raise Damaged(f"{folder / name} is not what was saved (its SHA-256 differs)")


def read_whole(folder: Path, name: str) -> bytes:
    """A file of a folder, read once and compared with its manifest.

    Raises:
        Damaged: where it differs, or the manifest does not have the file.
    """
    check_folder(folder, only=set())
    wanted = json.loads((folder / MANIFEST).read_bytes()).get(name, [])
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise Damaged(f"{folder / name} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() not in (
        wanted if isinstance(wanted, list) else [wanted]
    ):
        raise Damaged(f"{folder / name} is not what was saved (its SHA-256 differs)")
    return content


def update_manifest(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace files of a folder that has a manifest, so that it can be loaded at any moment.

    First the manifest allows the new beside the old, then the files change, then only the new
    is allowed.

    Args:
        folder: with a manifest.
        files: content by name.
    """
    path = folder / MANIFEST
    before: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    for name, wanted in before.items():
        if isinstance(wanted, list):  # a replacement that was cut off: which of the two lies there
            there = sha256(folder / name) if (folder / name).is_file() else None
            before[name] = there if there in wanted else wanted[-1]
    after = before | {name: hashlib.sha256(c).hexdigest() for name, c in files.items()}
    both = {name: old if old == after[name] else [old, after[name]] for name, old in before.items()}
    if before:
        write_whole(path, as_json(both))
    for name, content in files.items():
        write_whole(folder / name, content)
    write_whole(path, as_json(after))


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
