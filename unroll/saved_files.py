"""Files that unroll saved and reads again: opened without following links, whole, of a known form.

A run folder may come from somebody else. So its files are opened by `read_regular`, compared with
the manifest by `read_whole`, and what they hold is checked by `parse_record` before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from unroll.errors import UserError

MANIFEST = "manifest.json"
MOST_BYTES = 1 << 30  # of a file of JSON
DEPTH = 30  # containers of JSON within each other
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)  # of the classes that files are read into

Record = TypeVar("Record")


class Damaged(UserError):
    """A file that is not what was saved; the message names it."""


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A file to read: not through a link, and no pipe or device, which may have no end.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: where there is nothing.
        Damaged: where it is something else, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {describe(path, error)}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Damaged(f"{path} is not a file; expected one that unroll wrote")
    with os.fdopen(handle, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise Damaged(f"{path} cannot be read: {error.strerror or error}") from error


def describe(path: Path, error: OSError) -> str:
    """Why a path cannot be opened as a file, in words."""
    if path.is_symlink():
        return "it is a symbolic link, and the files of a run are not read through links"
    return "it is a folder" if path.is_dir() else error.strerror or str(error)


def read_regular(path: Path, most: int | None = None) -> bytes:
    """The content of a file, read as `opened` opens it.

    Args:
        path: of the file.
        most: bytes that it may have. Default: any number.

    Raises:
        FileNotFoundError: where there is nothing.
        Damaged: where it is no file, cannot be read, or has more bytes.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if most is not None and size > most:
            raise Damaged(f"{path} has {size:,} bytes; expected at most {most:,}")
        return file.read()


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces.

    Raises:
        FileNotFoundError: where there is nothing.
        Damaged: where it is no file.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> dict[str, list[str]]:
    """The hashes that each file of a folder may have.

    A file that was being replaced has two: the new one and the one before.

    Raises:
        Damaged: where there is no manifest, or it is incomplete.
    """
    path = folder / MANIFEST
    try:
        record = parse_json(read_regular(path, MOST_BYTES), path)
    except FileNotFoundError as error:
        raise Damaged(f"{path} is missing") from error
    if not isinstance(record, dict):
        raise Damaged(f"{path} is incomplete")
    for name in record:
        if not is_file_name(name):
            raise Damaged(f"{path} names {name!r}, which is not a file of its folder")
    return {
        name: [str(each) for each in wanted] if isinstance(wanted, list) else [str(wanted)]
        for name, wanted in record.items()
    }


def is_file_name(name: str) -> bool:
    """Whether a name can be that of a file in a folder, and leads nowhere else."""
    try:
        return Path(name).name == name and b"\0" not in os.fsencode(name)
    except ValueError:
        return False


def check_folder(folder: Path, only: set[str] | None = None) -> None:
    """Compare files of a folder with its manifest, which has to list what is there.

    Args:
        folder: with a manifest.
        only: compare these files, where they are there or listed. Default: every file that is listed.

    Raises:
        Damaged: with the name of the file and what is wrong with it.
    """
    expected = read_manifest(folder)
    for name in expected if only is None else sorted(only):
        if name not in expected:
            if os.path.lexists(folder / name):
                raise unlisted(folder, name)
            continue
        try:
            found = sha256(folder / name)
        except FileNotFoundError as error:
            raise Damaged(f"{folder / name} is missing") from error
        if found not in expected[name]:
            raise Damaged(f"{folder / name} is not what was saved (its SHA-256 differs)")


def read_whole(folder: Path, name: str, most: int | None = None) -> bytes:
    """A file of a folder, read once and compared with its manifest.

    Args:
        folder: with a manifest.
        name: of the file.
        most: bytes that it may have. Default: any number.

    Raises:
        Damaged: where it is missing or differs, or the manifest does not list it.
    """
    expected = read_manifest(folder)
    try:
        content = read_regular(folder / name, most)
    except FileNotFoundError as error:
        raise Damaged(f"{folder / name} is missing") from error
    if name not in expected:
        raise unlisted(folder, name)
    if hashlib.sha256(content).hexdigest() not in expected[name]:
        raise Damaged(f"{folder / name} is not what was saved (its SHA-256 differs)")
    return content


def unlisted(folder: Path, name: str) -> Damaged:
    """The error of a file that the manifest does not know, so that nobody knows what it should be."""
    return Damaged(f"{folder / name} is not listed in {MANIFEST}, so it may not be what was saved")


def parse_json(content: bytes, path: Path, finite: bool = True) -> Any:
    """What a file of JSON holds.

    Args:
        content: of the file.
        path: of the file, for errors.
        finite: whether NaN and Infinity are refused, which only metrics may be.

    Raises:
        Damaged: where it is not JSON, or nested too deeply.
    """
    try:
        text = content.decode("utf-8", "surrogatepass")
        value = json.loads(text, parse_constant=refuse_constant if finite else None)
    except RecursionError as error:
        raise Damaged(f"{path} is nested too deeply") from error
    except ValueError as error:
        raise Damaged(f"{path} is incomplete: it is not JSON ({str(error)[:100]})") from error
    level = [value] if is_container(value) else []
    for _ in range(DEPTH):
        if not level:
            return value
        level = [each for part in level for each in values_of(part) if is_container(each)]
    raise Damaged(f"{path} is nested too deeply")


def is_container(value: object) -> bool:
    """Whether a value of JSON holds others."""
    return isinstance(value, (dict, list))


def values_of(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    """The values that a container of JSON holds."""
    return container.values() if isinstance(container, dict) else container


def refuse_constant(word: str) -> float:
    """Raise ValueError for the words NaN and Infinity."""
    raise ValueError(f"{word} is not a number")


def parse_record(content: bytes, kind: type[Record], path: Path) -> Record:
    """What a file of JSON holds, with the fields and types of a class.

    Args:
        content: of the file.
        kind: a data class, a model of pydantic, or a type such as `list[str]`.
        path: of the file, for errors.

    Raises:
        Damaged: where it holds anything else.
    """
    return check_record(parse_json(content, path), kind, path)


def check_record(record: object, kind: type[Record], path: Path) -> Record:
    """A value of JSON with the fields and types of a class.

    Args:
        record: as JSON holds it.
        kind: a data class, a model of pydantic, or a type such as `list[str]`.
        path: of the file that holds it, for errors.

    Raises:
        Damaged: where it does not fit.
    """
    try:
        adapter: TypeAdapter[Record] = TypeAdapter(kind)
        return adapter.validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:60]
        got = repr(first["input"])[:60]
        message = first["msg"].removeprefix("Value error, ")[:100]
        at = f"{where} is {got}" if where else f"it holds {got}"
        raise Damaged(f"{path} is damaged: {at} ({message})") from error


def read_record(folder: Path, name: str, kind: type[Record]) -> Record:
    """What a file of JSON in a folder holds, compared with the manifest and of the form of a class.

    Args:
        folder: with a manifest.
        name: of the file.
        kind: a data class, a model of pydantic, or a type such as `list[str]`.

    Raises:
        Damaged: where the file is missing, differs from the manifest or holds anything else.
    """
    return parse_record(read_whole(folder, name, MOST_BYTES), kind, folder / name)


def refuse_unless(fits: object, path: Path, what: str) -> None:
    """Raise Damaged unless what a file holds fits together.

    Args:
        fits: whether it does.
        path: of the file.
        what: the file is expected to hold, for the error.
    """
    if not fits:
        raise Damaged(f"{path} is damaged; expected {what}")


def are_unique(names: Sequence[str]) -> bool:
    """Whether no name comes twice."""
    return len(set(names)) == len(names)


def is_listed(folder: Path, name: str) -> bool:
    """Whether a folder has this file, by its manifest."""
    return name in read_manifest(folder)
