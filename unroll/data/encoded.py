"""A text as token ids on disk: written once, memory-mapped, shared by all runs that read it.

The files are in a cache folder whose name is the hash of text, vocabulary and split, so a changed text
is never mistaken for the old one.
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
        int((ids == UNKNOWN).sum()),
        starts,
        categories,
    )


def cache_folder() -> Path:
    """The folder of encoded texts, in $XDG_CACHE_HOME/unroll, else in ~/.cache/unroll."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "unroll" / "tokens"


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
    """Encode lines: each as its ids between boundaries; two neighbours share one.

    Args:
        records: text and category of each line.
        vocabulary: text to ids.
        categories: by name; the number of a category is its place.
        key: names text and split in the cache.
    """
    number = {category: k for k, category in enumerate(categories)}

    def chunks() -> Iterator[Chunk]:
        yield Chunk(np.array([BOUNDARY]), 0)
        for text, category in records:
            ids = np.append(vocabulary.encode(text), BOUNDARY)
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
    folder = cache_folder() / fingerprint(key, vocabulary)
    if not is_complete(folder):
        write_cache(folder, vocabulary, chunks())
    return open_mapped(folder)


def fingerprint(key: str, vocabulary: Vocabulary) -> str:
    """The name of the cache folder: a hash of format, key and vocabulary."""
    digest = hashlib.sha256(f"{FORMAT}\0{key}".encode())
    for name, content in vocabulary.files().items():
        digest.update(name.encode() + content)
    return digest.hexdigest()[:40]


@dataclass
class CacheMetadata:
    """What meta.json of a cache folder holds.

    Attributes:
        dtype: of the ids.
        characters: of the text.
        unknown: ids that are the unknown token.
        lines: whether each line is a sequence.
        bytes: size of ids.bin, so that a file that is cut off is noticed.
    """

    dtype: str
    characters: int = 0
    unknown: int = 0
    lines: bool = False
    bytes: int = 0


def write_cache(folder: Path, vocabulary: Vocabulary, chunks: Iterable[Chunk]) -> None:
    """Write the chunks to a temporary folder and rename it, so that a partial cache is never found."""
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
    """What the meta.json of a cache folder holds."""
    return CacheMetadata(**json.loads((folder / "meta.json").read_text(encoding="utf-8")))


def is_complete(folder: Path) -> bool:
    """Whether all ids are there; a power failure may have left fewer."""
    try:
        return (folder / "ids.bin").stat().st_size == read_meta(folder).bytes
    except (OSError, ValueError, TypeError):
        return False


def open_mapped(folder: Path) -> Encoded:
    """The encoded text of a cache folder, memory-mapped."""
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
