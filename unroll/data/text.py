"""Read texts: a file, packed or not, a folder, a field of JSON records, standard input.

A text is read in pieces of about a megabyte that end at a line end where there is one, so a file may be
larger than memory.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

from unroll.counting import listed
from unroll.data.files.encoding import conversion, refuse_other_encoding
from unroll.data.files.forms import find_form, suffix_of
from unroll.data.files.json_records import json_values
from unroll.data.files.opening import open_bytes
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path

PIECE = 1 << 20
LONGEST_LINE = 1 << 28  # characters
JSON_LINES = (".jsonl", ".ndjson")
TEXT_SUFFIXES = (".txt", ".text", ".md")


@dataclass(frozen=True)
class TextSource:
    """One or many documents of text, which can be read any number of times.

    Attributes:
        name: what the user called it, for errors.
        files: where the text is, in order.
        field: the field of each record of JSON that holds a document.
    """

    name: str
    files: tuple[Path, ...]
    field: str = "text"
    _keep: object = dataclass_field(default=None, repr=False, compare=False)

    def documents(self) -> Iterator[Iterator[str]]:
        """Each document in pieces. Line ends are `\\n`, a byte order mark is dropped.

        Raises: UserError where the text is not UTF-8, holds NUL bytes or cannot be read.
        """
        for path in self.files:
            name = self.name if len(self.files) == 1 else str(path)
            if holds_json(path, name, self.field):
                for text in json_field(path, name, self.field):
                    yield iter([text] if text else [])
            else:
                yield text_pieces(path, name)

    def scan(self) -> TextScan:
        """Read everything once: how much text there is, and its SHA-256.

        Raises:
            UserError: where there is no text at all.
        """
        digest, characters, documents = hashlib.sha256(), 0, 0
        for document in self.documents():
            documents += 1
            digest.update(b"\0document\0")
            for text in document:
                characters += len(text)
                digest.update(text.encode())
        if characters == 0:
            raise UserError(f"{self.name} is empty; expected a text. Give a file with text in it.")
        return TextScan(characters, documents, digest.hexdigest())


@dataclass(frozen=True)
class TextScan:
    """What one pass over a text found.

    Attributes:
        characters: how many.
        documents: how many.
        sha256: of the text, with a mark between documents.
    """

    characters: int
    documents: int
    sha256: str


def text_source(path: str | Path, field: str = "text") -> TextSource:
    """Find the text at a path.

    Args:
        path: a file of text or of JSON records, packed or not, a folder (its .txt, .text, .md, .gz and
            .jsonl files, in the order of names), or "-" for standard input.
        field: of JSON records, the field that holds the text.

    Raises:
        UserError: where there is nothing to read.
    """
    name = str(path)
    if name == "-":
        return standard_input(field)
    if "\n" in name or len(name) > 4096:
        raise UserError(
            f"Got a text of {len(name):,} characters where the path of one is expected. Write it to "
            "a file first, and give the file's path."
        )
    refuse_impossible_path(name, "The text")
    place = Path(path)
    if not place.exists():
        raise UserError(
            f"There is no file or folder {name}; expected a text. Check the path, from "
            f"{Path.cwd()}."
        )
    if place.is_dir():
        files = sorted(p for p in place.rglob("*") if p.is_file() and is_text_name(p))
        if not files:
            raise UserError(
                f"The folder {name} holds no text; expected files that end in "
                f"{', '.join(TEXT_SUFFIXES)}, .gz or .jsonl."
            )
        return TextSource(name, tuple(files), field)
    if not place.is_file():
        raise UserError(
            f"{name} is not a regular file; expected a text file. Use - to read standard input."
        )
    return TextSource(name, (place,), field)


def is_text_name(path: Path) -> bool:
    """Whether a file of a folder is a text, by its name."""
    return path.suffix.lower() == ".gz" or suffix_of(path) in (*TEXT_SUFFIXES, *JSON_LINES)


def holds_json(path: Path, name: str, field: str) -> bool:
    """Whether a file holds a document in a field of each record; a .json may be any text."""
    suffix = suffix_of(path)
    if suffix != ".json":
        return suffix in JSON_LINES
    if find_form(path, name).kind not in ("json lines", "json list"):
        return False
    try:
        _, record = next(records_of_json(path, name), (0, None))
    except UserError:
        return False
    return isinstance(record, dict) and isinstance(record.get(field), str)


def standard_input(field: str) -> TextSource:
    """Standard input, copied to a temporary file because a text is read more than once."""
    keep = tempfile.NamedTemporaryFile(prefix="unroll-", suffix=".txt")
    shutil.copyfileobj(sys.stdin.buffer, keep)
    keep.flush()
    return TextSource("standard input", (Path(keep.name),), field, keep)


def text_pieces(path: Path, name: str) -> Iterator[str]:
    """The text of one file in pieces that end at a line end, else at a space, else anywhere.

    Args:
        path: of the file; unpacked where it is a .gz.
        name: what the file is called, for errors.

    Yields:
        Pieces of about 1 MiB, with line ends as a newline; a byte order mark of UTF-8 is left out.

    Raises:
        UserError: where the file cannot be read, has a NUL byte, or is not UTF-8.
    """
    rest, offset = "", 0
    utf8 = codecs.getincrementaldecoder("utf-8")()
    decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
    with open_bytes(path, name) as file:
        while True:
            block = file.read(PIECE)
            if offset == 0:
                refuse_other_encoding(block, name)
                if block.startswith(codecs.BOM_UTF8):
                    block, offset = block[3:], 3
                    block = block or file.read(PIECE)
            nul = block.find(b"\0")
            if nul >= 0:
                raise UserError(
                    f"{name} is binary data, not text: byte {offset + nul} is NUL. Expected a text "
                    "in UTF-8."
                )
            try:
                text = rest + decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                at = offset + error.start - (len(error.object) - len(block))
                bad = error.object[error.start]
                raise UserError(
                    f"{name} is not UTF-8: byte 0x{bad:02X} at position {at} "
                    f"({error.reason}). {conversion(path, name)}"
                ) from error
            if not block:
                if text:
                    yield text
                return
            offset += len(block)
            cut = boundary(text)
            if cut:
                yield text[:cut]
            rest = text[cut:]


def boundary(text: str) -> int:
    """Where a piece ends: after its last line end, else its last space, else at its end."""
    cut = text.rfind("\n") + 1 or text.rfind(" ") + 1
    return cut or len(text)


def json_field(path: Path, name: str, field: str) -> Iterator[str]:
    """The text in a field of every record of a file of JSON: an object per line, or a list of them.

    Raises:
        UserError: for a line that is no object or has no text in that field, with its number.
    """
    for number, record in records_of_json(path, name):
        if not isinstance(record, dict) or not isinstance(record.get(field), str):
            there = listed(list(record)) if isinstance(record, dict) else type(record).__name__
            raise UserError(
                f"{name}, line {number}: no text in a field {field!r}; the record holds {there}. "
                "Name the field with --text FIELD."
            )
        text: str = record[field]
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{name}, line {number}: the text has half of a surrogate pair at character "
                f"{error.start}, which UTF-8 cannot encode. Fix the record."
            ) from error
        yield text


def records_of_json(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """The records of a file of JSON, with their lines.

    Raises:
        UserError: for a line that is not JSON, with its number.
    """
    if find_form(path, name).kind == "json list":
        yield from json_values(path, name)
        return
    for number, line in enumerate(lines(path, name), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:  # also numbers too long, lists too deep
            raise UserError(
                f"{name}, line {number}: not JSON ({getattr(error, 'msg', error)}); expected one "
                "object per line."
            ) from error
        yield number, record


def lines(path: Path, name: str) -> Iterator[str]:
    """The lines of one file, without their ends.

    Raises:
        UserError: for a line that is longer than any record is.
    """
    parts: list[str] = []  # of the line that is read now
    number, size = 1, 0
    for text in text_pieces(path, name):
        first, *more = text.split("\n")
        parts.append(first)
        size += len(first)
        if size > LONGEST_LINE:
            raise UserError(
                f"{name}, line {number}: longer than {LONGEST_LINE >> 20} Mi characters; expected one "
                "record per line."
            )
        if more:
            yield "".join(parts)
            yield from more[:-1]
            parts, size, number = more[-1:], len(more[-1]), number + len(more)
    if last := "".join(parts):
        yield last
