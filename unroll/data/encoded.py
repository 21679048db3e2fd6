"""A text as token ids on disk: written once, mapped into memory, shared by every run that wants it.

The files lie in a cache folder, named by the hash of the text, of the vocabulary and of the cut,
so a changed text is never mistaken for the old one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unroll.data.text import TextSource
from unroll.data.vocabulary import BOUNDARY, UNKNOWN, Ids, Vocabulary

FORMAT = 2


@dataclass(frozen=True)
class Encoded:
    """Token ids [N] with what was counted while writing them.

    ids: starts with a boundary. starts: where each line begins in ids (lines only), else None.
    categories: the category of each line, or None. characters: of the text behind the ids.
    unknown: how many ids are the unknown.
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
        """The share of tokens that the vocabulary does not know."""
        return self.unknown / max(1, self.tokens)


def first_tokens(encoded: Encoded, tokens: int) -> Encoded:
    """About the first so many tokens; of lines, whole ones. The characters are in proportion."""
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
        int((ids == UNKNOWN).sum()),
        starts,
        categories,
    )


def cache_folder() -> Path:
    """Where encoded texts lie: $XDG_CACHE_HOME/unroll, else ~/.cache/unroll."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "unroll" / "tokens"


def text_part(
    source: TextSource, cut: int | None = None, *, exact: bool = True, first: bool = True
) -> Iterator[tuple[int, str]]:
    """One side of a cut after `cut` characters (None: everything), as (document number, text).

    exact: cut there to the character; else behind the line or word that stands there.
    first: the side before the cut, else the one behind it.
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
    """The first place from `at` on behind a line end, else behind a space, else the end."""
    for mark in ("\n", " "):
        found = text.find(mark, max(0, at - 1))
        if found >= 0:
            return found + 1
    return len(text)


def encode_stream(texts: Iterable[tuple[int, str]], vocabulary: Vocabulary, key: str) -> Encoded:
    """Texts with their document's number as one stream of ids, a boundary before each document."""

    def chunks() -> Iterator[Chunk]:
        last, current = None, None
        for number, text in texts:
            ids = vocabulary.encode(text)
            if number != current and last != BOUNDARY:  # words end their lines with it already
                yield Chunk(np.array([BOUNDARY]), 0)
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
    """Each line as its ids between boundaries; two neighbours share one."""
    number = {category: k for k, category in enumerate(categories)}

    def chunks() -> Iterator[Chunk]:
        yield Chunk(np.array([BOUNDARY]), 0)
        for text, category in records:
            ids = np.append(vocabulary.encode(text), BOUNDARY)
            yield Chunk(ids, len(text) + 1, 0 if category is None else number[category])

    return encode_cached(f"{key} {categories}", vocabulary, chunks)


class Chunk(NamedTuple):
    """ids of a stretch of text, how many characters it has, and, for a line, its category."""

    ids: Ids
    characters: int
    line: int | None = None


def encode_cached(
    key: str, vocabulary: Vocabulary, chunks: Callable[[], Iterator[Chunk]]
) -> Encoded:
    """The ids under this key: mapped where they lie already, else written from the chunks."""
    folder = cache_folder() / fingerprint(key, vocabulary)
    if not is_complete(folder):
        write_cache(folder, vocabulary, chunks())
    return open_mapped(folder)


def fingerprint(key: str, vocabulary: Vocabulary) -> str:
    digest = hashlib.sha256(f"{FORMAT}\0{key}".encode())
    for name, content in vocabulary.files().items():
        digest.update(name.encode() + content)
    return digest.hexdigest()[:40]


@dataclass
class CacheMetadata:
    dtype: str
    characters: int = 0
    unknown: int = 0
    lines: bool = False
    bytes: int = 0


def write_cache(folder: Path, vocabulary: Vocabulary, chunks: Iterable[Chunk]) -> None:
    """Write to a temporary folder and rename it, so that half a file is never found."""
    folder.parent.parent.parent.mkdir(parents=True, exist_ok=True)
    # closed to others: compiled kernels lie beside the tokens, and are refused where others may write
    for each in (folder.parent.parent, folder.parent):
        each.mkdir(exist_ok=True, mode=0o700)
    temporary = Path(tempfile.mkdtemp(prefix=".tokens-", dir=folder.parent))
    meta = CacheMetadata(dtype="uint16" if len(vocabulary) <= 1 << 16 else "uint32")
    try:
        place = 0
        with (
            (temporary / "ids.bin").open("wb") as ids,
            (temporary / "starts.bin").open("wb") as starts,
            (temporary / "categories.bin").open("wb") as categories,
        ):
            for chunk in chunks:
                ids.write(chunk.ids.astype(meta.dtype).tobytes())
                if chunk.line is not None:
                    meta.lines = True
                    starts.write(np.int64(place - 1).tobytes())
                    categories.write(np.int32(chunk.line).tobytes())
                place += len(chunk.ids)
                meta.characters += chunk.characters
                meta.unknown += int((chunk.ids == UNKNOWN).sum())
        meta.bytes = (temporary / "ids.bin").stat().st_size
        (temporary / "meta.json").write_text(json.dumps(asdict(meta)), encoding="utf-8")
        if not is_complete(folder):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            temporary.rename(folder)
        except OSError:  # another process was first; its folder is as good
            if not is_complete(folder):
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_meta(folder: Path) -> CacheMetadata:
    return CacheMetadata(**json.loads((folder / "meta.json").read_text(encoding="utf-8")))


def is_complete(folder: Path) -> bool:
    """Whether all ids lie there; a power cut may have left fewer."""
    try:
        return (folder / "ids.bin").stat().st_size == read_meta(folder).bytes
    except (OSError, ValueError, TypeError):
        return False


def open_mapped(folder: Path) -> Encoded:
    meta = read_meta(folder)

    def file(name: str, dtype: str) -> np.ndarray:
        path = folder / name
        if path.stat().st_size == 0:
            return np.zeros(0, dtype=dtype)
        return np.memmap(path, dtype=dtype, mode="r")

    return Encoded(
        ids=file("ids.bin", meta.dtype),
        characters=meta.characters,
        unknown=meta.unknown,
        starts=file("starts.bin", "int64") if meta.lines else None,
        categories=file("categories.bin", "int32") if meta.lines else None,
    )
