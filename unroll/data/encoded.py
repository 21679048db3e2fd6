"""A text as token ids on disk: written once, memory-mapped, shared by all runs that read it.

The files are in a cache folder whose name is the hash of text, vocabulary and split, so a changed text
is never mistaken for the old one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel

from unroll.data.text import TextSource
from unroll.data.vocabulary import UNKNOWN, Ids, Vocabulary, ids_read
from unroll.growing_file import GrowingFile
from unroll.private_cache import (
    CacheError,
    check_folders,
    make_folders,
    sealed,
    unroll_folder,
    unsealed,
)
from unroll.saved_files import Damaged, opened

log = logging.getLogger("unroll")

FORMAT = 3
# the files of a cache folder with the types of their numbers; that of ids is in meta.json
FILES = {"ids.bin": None, "starts.bin": "int64", "categories.bin": "int32"}
META = "meta.json"
TEMPORARY = ".tokens-"
LEFT_OVER = 24 * 3600.0  # seconds after which what a killed process left behind is removed


@dataclass(frozen=True)
class Encoded:
    """A text as token ids, with what was counted while they were written.

    Attributes:
        ids: [N], uint16 or uint32; the first one is a boundary.
        characters: of the text.
        unknown: how many ids are the unknown token.
        starts: where each line begins in `ids`, int64 [L]. None: one stream.
        categories: the category of each line, int32 [L]. None: one stream.
    """

    ids: np.ndarray
    characters: int
    unknown: int
    starts: np.ndarray | None = None
    categories: np.ndarray | None = None

    @property
    def tokens(self) -> int:
        """How many tokens are predicted: all but the boundary at the start."""
        return max(0, len(self.ids) - 1)

    @property
    def unknown_rate(self) -> float:
        """The share of tokens that the vocabulary does not have, 0 to 1."""
        return self.unknown / max(1, self.tokens)


def first_tokens(encoded: Encoded, tokens: int) -> Encoded:
    """About the first `tokens` tokens of a text; lines stay whole; its characters are in proportion."""
    if encoded.tokens <= tokens:
        return encoded
    end, starts, categories = tokens, encoded.starts, encoded.categories
    if starts is not None:
        lines = max(1, int(np.searchsorted(starts, tokens)) - 1)
        end, starts = int(starts[lines]), starts[:lines]
        categories = None if categories is None else categories[:lines]
    ids = encoded.ids[: end + 1]
    return Encoded(
        ids,
        round(encoded.characters * end / encoded.tokens),
        unknown_of_part(encoded, ids),
        starts,
        categories,
    )


def joined(first: Encoded, second: Encoded) -> Encoded:
    """Two texts of one kind as one, in memory; the boundary at the start of the second is left out."""
    starts = categories = None
    if first.starts is not None and second.starts is not None:
        starts = np.concatenate([first.starts, second.starts + len(first.ids) - 1])
    if first.categories is not None and second.categories is not None:
        categories = np.concatenate([first.categories, second.categories])
    return Encoded(
        np.concatenate([first.ids, second.ids[1:]]),
        first.characters + second.characters,
        first.unknown + second.unknown,
        starts,
        categories,
    )


def last_tokens(encoded: Encoded, tokens: int) -> Encoded:
    """The last tokens of a stream; its characters are in proportion."""
    if encoded.tokens <= tokens:
        return encoded
    ids = encoded.ids[-(tokens + 1) :]
    characters = round(encoded.characters * tokens / encoded.tokens)
    return Encoded(ids, characters, unknown_of_part(encoded, ids))


def unknown_of_part(whole: Encoded, ids: np.ndarray) -> int:
    """How many ids of a part are the unknown token; a closed vocabulary has none."""
    return int((ids == UNKNOWN).sum()) if whole.unknown else 0


def cache_folder() -> Path:
    """The folder of encoded texts, in $XDG_CACHE_HOME/unroll, else in ~/.cache/unroll.

    Raises:
        CacheError: where there is no home directory.
    """
    return unroll_folder() / "tokens"


def text_part(
    source: TextSource, cut: int | None = None, *, exact: bool = True, first: bool = True
) -> Iterator[tuple[int, str]]:
    """One of the two parts of a text that is split after `cut` characters.

    Args:
        source: where the text is.
        cut: characters of the first part. None: the first part is everything.
        exact: whether to split at exactly this character. False: after the line or word there.
        first: whether the first part is wanted. False: the second one.

    Yields:
        The number of a document, from 0, and a piece of its text.
    """
    seen = 0
    for number, document in enumerate(source.documents()):
        for text in document:
            at = len(text)
            if cut is not None and seen + len(text) >= cut:
                at = 0 if seen >= cut else cut - seen if exact else next_break(text, cut - seen)
            seen += len(text)
            side = text[:at] if first else text[at:]
            if side:
                yield number, side
            if first and cut is not None and seen >= cut:
                return


def next_break(text: str, at: int) -> int:
    """The first place from `at` on that follows a line end, else a space, else the end."""
    for mark in ("\n", " "):
        found = text.find(mark, max(0, at - 1))
        if found >= 0:
            return found + 1
    return len(text)


def encode_stream(texts: Iterable[tuple[int, str]], vocabulary: Vocabulary, key: str) -> Encoded:
    """Encode texts as one stream, with a boundary before each document.

    Args:
        texts: the number of a document and a piece of its text.
        vocabulary: text to ids.
        key: names text and split in the cache.
    """

    def chunks() -> Iterator[Chunk]:
        last, current = None, None
        for number, text in texts:
            ids = vocabulary.encode(text)
            # words end their lines with it already
            if number != current and last != vocabulary.boundary:
                yield Chunk(np.array([vocabulary.boundary]), 0)
            current = number
            yield Chunk(ids, len(text))
            last = int(ids[-1]) if len(ids) else last

    return encode_cached(key, vocabulary, chunks)


def encode_lines(
    records: Iterable[tuple[str, str | None]],
    vocabulary: Vocabulary,
    categories: list[str],
    key: str,
) -> Encoded:
    """Encode lines: each as its ids between boundaries; two neighbours share one.

    Args:
        records: text and category of each line.
        vocabulary: text to ids.
        categories: by name; the number of a category is its place.
        key: names text and split in the cache.
    """
    number = {category: k for k, category in enumerate(categories)}

    def chunks() -> Iterator[Chunk]:
        yield Chunk(np.array([vocabulary.boundary]), 0)
        for text, category in records:
            ids = np.append(vocabulary.encode(text), vocabulary.boundary)
            yield Chunk(ids, len(text) + 1, 0 if category is None else number[category])

    return encode_cached(f"{key} {categories}", vocabulary, chunks)


class Chunk(NamedTuple):
    """A piece of text as ids.

    Attributes:
        ids: int64 [N].
        characters: of the piece.
        line: the category of a line, 0 where there are none. None: the piece is no line.
    """

    ids: Ids
    characters: int
    line: int | None = None


def encode_cached(
    key: str, vocabulary: Vocabulary, chunks: Callable[[], Iterator[Chunk]]
) -> Encoded:
    """The encoded text of this key: from the cache where it is there, else written from the chunks."""
    try:
        folder = cache_folder() / fingerprint(key, vocabulary)
        ours = (folder.parent.parent, folder.parent)
        check_folders(ours)
        found = open_mapped(folder)
        if found is not None:
            return found
        make_folders(ours)
        check_folders(ours)
        return write_cache(folder, vocabulary, chunks())
    except CacheError as error:
        say_elsewhere(str(error))
        return write_cache(None, vocabulary, chunks())


def fingerprint(key: str, vocabulary: Vocabulary) -> str:
    """The name of the cache folder: a hash of format, key and vocabulary."""
    digest = hashlib.sha256(f"{FORMAT}\0{key}".encode())
    for name, content in vocabulary.files().items():
        digest.update(name.encode() + content)
    return digest.hexdigest()[:40]


class FileRecord(BaseModel):
    """What meta.json holds of a file beside it.

    Attributes:
        bytes: its size.
        sha256: of its content.
    """

    bytes: int
    sha256: str


class CacheMetadata(BaseModel):
    """What meta.json of a cache folder holds; a seal is at its end.

    Attributes:
        dtype: of the ids.
        characters: of the text.
        unknown: ids that are the unknown token.
        lines: whether each line is a sequence.
        files: by name, so that what is cut off or changed is noticed.
    """

    dtype: Literal["uint16", "uint32"]
    characters: int = 0
    unknown: int = 0
    lines: bool = False
    files: dict[str, FileRecord] = {}


_told: set[str] = set()


def say_elsewhere(reason: str) -> None:
    """Say once that the cache cannot be used, and what comes of it."""
    if reason not in _told:
        _told.add(reason)
        log.warning(
            "The cache of encoded texts cannot be used: %s. Each run encodes its text again, into a "
            "temporary file or memory. Name a folder for it in the variable XDG_CACHE_HOME.",
            reason,
        )


def write_cache(folder: Path | None, vocabulary: Vocabulary, chunks: Iterable[Chunk]) -> Encoded:
    """Write the chunks to a temporary folder and rename it, so that a partial cache is never found.

    Args:
        folder: of the cache. None: it cannot be used.
        vocabulary: of the ids.
        chunks: of the text.

    Returns:
        The encoded text, mapped from the folder, or from where there was room for it.
    """
    temporary = None if folder is None else make_temporary(folder)
    meta = CacheMetadata(dtype="uint16" if ids_read(vocabulary) <= 1 << 16 else "uint32")
    files = {name: GrowingFile(temporary and temporary / name, say_elsewhere) for name in FILES}
    try:
        place = 0
        for chunk in chunks:
            files["ids.bin"].write(chunk.ids.astype(meta.dtype).tobytes())
            if chunk.line is not None:
                meta.lines = True
                files["starts.bin"].write(np.int64(place - 1).tobytes())
                files["categories.bin"].write(np.int32(chunk.line).tobytes())
            place += len(chunk.ids)
            meta.characters += chunk.characters
            if vocabulary.unknown_id is not None:
                meta.unknown += int((chunk.ids == vocabulary.unknown_id).sum())
        for file in files.values():
            file.flush()
        meta.files = {n: FileRecord(bytes=f.size, sha256=f.sha256()) for n, f in files.items()}
        if folder is not None and temporary is not None:
            if not any(file.moved for file in files.values()):
                publish(temporary, folder, meta)
        arrays = {name: file.array(FILES[name] or meta.dtype) for name, file in files.items()}
        return encoded_of(meta, arrays)
    finally:
        for file in files.values():
            file.close()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def make_temporary(folder: Path) -> Path | None:
    """A folder beside that of the cache, for what is written; None where there is no room for it."""
    sweep(folder.parent)
    try:
        return Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
    except OSError as error:
        say_elsewhere(error.strerror or str(error))
        return None


def sweep(folder: Path) -> None:
    """Drop what killed processes left in the cache; one that lives writes to it now and then."""
    for left in folder.glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            newest = max(each.lstat().st_mtime for each in (left, *left.iterdir()))
            if time.time() - newest > LEFT_OVER:
                shutil.rmtree(left, ignore_errors=True)


def publish(temporary: Path, folder: Path, meta: CacheMetadata) -> None:
    """Put a written folder in its place; where the disk does not take it, it stays out of the cache."""
    try:
        content = sealed(meta.model_dump_json().encode(), folder.name)
        handle = os.open(temporary / META, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        shutil.rmtree(folder, ignore_errors=True)  # one that is not what was written
        temporary.rename(folder)
    except OSError as error:
        if not (folder / META).exists():  # else another process was first; its folder is as good
            say_elsewhere(error.strerror or str(error))


def open_mapped(folder: Path) -> Encoded | None:
    """The encoded text of a cache folder, memory-mapped; None where it is not what was written there."""
    content = unsealed(folder / META, folder.name, "written")
    if content is None:
        return None
    meta = CacheMetadata.model_validate_json(content)
    arrays = {}
    try:
        for name, dtype in FILES.items():
            with opened(folder / name) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != meta.files[name].sha256:
                    raise Damaged(f"{name} is not what was written there")
                size = meta.files[name].bytes
                kind = dtype or meta.dtype
                arrays[name] = (
                    np.memmap(file, dtype=kind, mode="r") if size else np.zeros(0, dtype=kind)
                )
    except (Damaged, OSError) as error:
        log.warning("%s is written again: %s.", folder, error)
        return None
    return encoded_of(meta, arrays)


def encoded_of(meta: CacheMetadata, arrays: Mapping[str, np.ndarray]) -> Encoded:
    """The encoded text in the arrays of a cache folder."""
    return Encoded(
        ids=arrays["ids.bin"],
        characters=meta.characters,
        unknown=meta.unknown,
        starts=arrays["starts.bin"] if meta.lines else None,
        categories=arrays["categories.bin"] if meta.lines else None,
    )
