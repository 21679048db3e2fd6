"""Pairs of texts: two columns of a file, or two files that go line by line."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.table import column
from unroll.data.text import TextSource, open_bytes, refuse_other_encoding, text_source
from unroll.errors import UserError

HEADINGS = ({"source", "src", "input", "from"}, {"target", "tgt", "output", "to", "translation"})


class Pair(NamedTuple):
    source: str
    target: str


@dataclass(frozen=True)
class PairFile:
    """Pairs of texts, read from the start as often as wanted, a line at a time.

    source: where they are. other: the file of the targets, or None where a line holds both.
    columns: of source and target, from 0. names: the cells of the first line. header: whether that
    line is skipped.
    """

    source: TextSource
    other: TextSource | None = None
    columns: tuple[int, int] = (0, 1)
    names: tuple[str, ...] = ()
    header: bool = False

    @property
    def name(self) -> str:
        return self.source.name

    def pairs(self, problems: Problems) -> Iterator[Pair]:
        """Every pair; what is none is told to `problems`, with its line.

        Raises: UserError for files of different length, and what `problems` raises.
        """
        return self._columns(problems) if self.other is None else self._lines(problems)

    def sha256(self) -> str:
        """Of the bytes of the file, or of both, and of what is read in them."""
        digest = hashlib.sha256(repr((self.columns, self.header)).encode())
        for source in (self.source, self.other):
            if source is not None:
                digest.update(b"\0file\0")
                with open_bytes(source.files[0], source.name) as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()

    def described(self) -> str:
        """Where source and target are, for people."""
        if self.other is not None:
            return f"{self.name} line by line with {self.other.name}"
        where = " and ".join(
            f"{k + 1} ({self.names[k]})" if self.header else str(k + 1) for k in self.columns
        )
        return f"columns {where} of {self.name}"

    def _columns(self, problems: Problems) -> Iterator[Pair]:
        for number, line in numbered(self.source, problems):
            if line is None or not line.strip() or (self.header and number == 1):
                continue
            cells = line.split("\t")
            if len(cells) != len(self.names):
                problems.bad(
                    f"{self.name}, line {number}: {counted(len(cells), 'column')} where the first "
                    f"line has {len(self.names)}; expected source, tab, target."
                )
                continue
            pair = Pair(*(cells[k].strip() for k in self.columns))
            if complete(pair, f"{self.name}, line {number}", problems):
                yield pair

    def _lines(self, problems: Problems) -> Iterator[Pair]:
        """Two files, line by line. A side that cannot be read takes its line's other side along."""
        if self.other is None:
            raise ValueError("this file has its targets in a column")
        sides = zip_longest(numbered(self.source, problems), numbered(self.other, problems))
        for a, b in sides:
            if a is None or b is None:
                more, less = (self.other, self.source) if a is None else (self.source, self.other)
                number = (a or b)[0]
                raise UserError(
                    f"{less.name} ends after line {number - 1}, {more.name} goes on; expected two "
                    "files of as many lines, each line the translation of the other's."
                )
            (number, source), (_, target) = a, b
            if source is None or target is None:
                continue
            pair = Pair(source.strip(), target.strip())
            if complete(pair, f"{self.name}, line {number}", problems):
                yield pair


def complete(pair: Pair, where: str, problems: Problems) -> bool:
    """Whether both sides hold something."""
    if pair.source and pair.target:
        return True
    side = (
        "both sides are"
        if not pair.source and not pair.target
        else ("the source is" if not pair.source else "the target is")
    )
    problems.bad(f"{where}: {side} empty; expected a text on each side.")
    return False


def open_pairs(path: str, source: str | None = None, target: str | None = None) -> PairFile:
    """The pairs at a path.

    source, target: a column by number, from 1, or by the name in the first line; columns 1 and 2
    where they are left out. target may also be a second file, which goes line by line with the
    first.
    Raises: UserError where there is no such file or column.

    Example:
        >>> from pathlib import Path
        >>> from unroll.data.pairs import open_pairs
        >>> from unroll.data.problems import Problems
        >>> _ = Path("pairs.tsv").write_text("Run!\\tCourez !\\nStop!\\tStop !\\n")
        >>> [pair.target for pair in open_pairs("pairs.tsv").pairs(Problems())]
        ['Courez !', 'Stop !']
    """
    first = one_file(path)
    if target is not None and Path(target).is_file():
        if source is not None:
            raise UserError(
                f"source={source} names a column, and target={target} is a second file; expected "
                "both columns of one file, or two files that go line by line."
            )
        return PairFile(first, one_file(target))
    readable = (line for _, line in numbered(first, Problems(skip=True)) if line)
    line = next(readable, None)
    if line is None:
        for _ in numbered(first, Problems()):
            pass  # says what is wrong with the first line
        raise UserError(f"{path} is empty; expected source, tab, target in each line.")
    names = tuple(cell.strip() for cell in line.split("\t"))
    if len(names) < 2:
        raise UserError(
            f"{path}, line 1: one column; expected source, tab, target in each line. Of two "
            "files that go line by line, name the second with --set target=FILE."
        )
    by_name = any(word is not None and not word.isdigit() for word in (source, target))
    where = (
        column(source or "1", names, path, "--set source"),
        column(target or "2", names, path, "--set target"),
    )
    if where[0] == where[1]:
        raise UserError(
            f"Source and target are both column {where[0] + 1} of {path}; expected two. Name them "
            "with --set source=N target=N."
        )
    words = [names[k].lower() for k in where]
    header = by_name or all(word in known for word, known in zip(words, HEADINGS, strict=True))
    return PairFile(first, None, where, names, header)


def one_file(path: str) -> TextSource:
    """The one file at a path, or standard input.

    Raises: UserError for a folder, and where there is none.
    """
    source = text_source(path)
    if len(source.files) != 1 or Path(path).is_dir():
        raise UserError(f"{path} is a folder; expected a file of pairs, a pair a line.")
    return source


def numbered(source: TextSource, problems: Problems) -> Iterator[tuple[int, str | None]]:
    """Every line with its number, from 1, without its end; None where it cannot be read, which is
    told to `problems`.

    Raises: UserError for another encoding of Unicode.
    """
    with open_bytes(source.files[0], source.name) as file:
        for number, raw in enumerate(file, 1):
            if number == 1:
                refuse_other_encoding(raw, source.name)
                raw = raw.removeprefix(codecs.BOM_UTF8)
            where = f"{source.name}, line {number}"
            if b"\0" in raw:
                problems.bad(f"{where}: it holds a NUL, as no text does.")
                yield number, None
                continue
            try:
                yield number, raw.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                problems.bad(
                    f"{where}: not UTF-8: byte 0x{raw[error.start]:02X} at byte {error.start + 1} "
                    "of the line. Convert the file, for example: iconv -f LATIN1 -t UTF-8."
                )
                yield number, None
