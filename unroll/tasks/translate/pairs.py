"""Pairs of texts: two columns of one file, or two files that match line by line."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from unroll.counting import counted, listed
from unroll.data.files.encoding import conversion, refuse_other_encoding
from unroll.data.files.forms import find_form
from unroll.data.files.opening import open_bytes
from unroll.data.files.rows import TableRows, as_word
from unroll.data.files.tables import open_table
from unroll.data.first_rows import first_lines
from unroll.data.problems import Problems
from unroll.data.table import column
from unroll.data.text import TextSource, text_source
from unroll.errors import UserError
from unroll.tasks.translate.pair_columns import (
    PairColumns,
    PairNames,
    find_pair_columns,
    group_beside,
)

LOOK = 1000  # lines that a guess looks at
HEADINGS = ({"source", "src", "input", "from"}, {"target", "tgt", "output", "to", "translation"})


class Pair(NamedTuple):
    """A source and its target.

    Attributes:
        source: what is translated, never empty.
        target: its translation, never empty.
    """

    source: str
    target: str


@dataclass(frozen=True)
class PairTable:
    """The pairs of a table that has no tabs, or of JSON.

    Attributes:
        rows: its rows.
        columns: which column holds what.
    """

    rows: TableRows
    columns: PairColumns

    def pairs(self, problems: Problems, group: int | None = None) -> Iterator[tuple[Pair, str]]:
        """Every pair, in order, and its group.

        Args:
            problems: takes each row that is no pair, with its line.
            group: place of the column of the group. Default: there is none, and it is "".
        """
        columns, name = self.columns, self.rows.name
        for number, row in enumerate(self.rows.rows(problems)):
            if columns.header and number == 0:
                continue
            where = f"{name}, line {row.line}"
            cells = columns.cells(row.cells)
            if len(cells) != len(columns.names):
                problems.bad(
                    f"{where}: {counted(len(cells), 'column')} where the first rows have "
                    f"{len(columns.names)}; expected a source and a target."
                )
                continue
            pair = Pair(*(as_word(cells[k]).strip() for k in (columns.source, columns.target)))
            if is_complete(pair, where, problems):
                yield pair, "" if group is None else as_word(row.cells[group]).strip()


@dataclass(frozen=True)
class PairFile:
    """Pairs of texts in files, read line by line, as often as needed.

    Attributes:
        source: the file of the sources, or of both.
        other: the file of the targets, or None where a line holds both.
        columns: of source and target, counted from 0.
        names: the cells of the first line.
        header: whether the first line names the columns, and is no pair.
        table: the rows of a table that has no tabs, or of JSON; None for lines.
        group: place of the column of the group of a pair; None where there are no groups.
    """

    source: TextSource
    other: TextSource | None = None
    columns: tuple[int, int] = (0, 1)
    names: tuple[str, ...] = ()
    header: bool = False
    table: PairTable | None = None
    group: int | None = None

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self.source.name

    def pairs(self, problems: Problems) -> Iterator[Pair]:
        """Every pair, in order; as `grouped_pairs`."""
        return (pair for pair, _ in self.grouped_pairs(problems))

    def grouped_pairs(self, problems: Problems) -> Iterator[tuple[Pair, str]]:
        """Every pair, in order, and its group, "" where there are none.

        Args:
            problems: takes each line that is no pair, with its number.

        Raises:
            UserError: for files of different lengths, and for bad lines that are not skipped.
        """
        if self.table is not None:
            return self.table.pairs(problems, self.group)
        if self.other is None:
            return self._pairs_of_columns(problems)
        return self._pairs_of_files(self.other, problems)

    def column_names(self) -> tuple[str | None, str | None]:
        """The names of the columns of source and target; None where they have none."""
        if self.other is not None or not self.header:
            return None, None
        source, target = (self.names[k] or None for k in self.columns)
        return source, target

    def sha256(self) -> str:
        """Hash of the bytes of the file, or of both files, and of the columns that are read."""
        digest = hashlib.sha256(repr((self.columns, self.header)).encode())
        if self.table is not None:
            for pair, _ in self.table.pairs(Problems(skip=True)):
                digest.update("\0".join(["", *pair]).encode("utf-8", "surrogatepass"))
            return digest.hexdigest()
        for source in (self.source, self.other):
            if source is not None:
                digest.update(b"\0file\0")
                with open_bytes(source.files[0], source.name) as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()

    def describe(self) -> str:
        """Where sources and targets are, for people."""
        if self.other is not None:
            return f"{self.name}, line by line with {self.other.name}"
        where = " and ".join(
            f"{k + 1} ({self.names[k]})" if self.header else str(k + 1) for k in self.columns
        )
        if self.table is not None and any(self.names):
            where = " and ".join(self.names[k] for k in self.columns)
        others = [k for k in range(len(self.names)) if k not in (*self.columns, self.group)]
        unread = [self.names[k] if self.header else str(k + 1) for k in others]
        words = (
            f"column {listed(unread)} is" if len(unread) == 1 else f"columns {listed(unread)} are"
        )
        more = f", {words} not read" if unread else ""
        return f"columns {where} of {self.name}{more}"

    def _pairs_of_columns(self, problems: Problems) -> Iterator[tuple[Pair, str]]:
        last = max(*self.columns, -1 if self.group is None else self.group)
        for number, line in numbered_lines(self.source, problems):
            if line is None or not line.strip() or (self.header and number == 1):
                continue
            cells = line.split("\t")
            # what follows a pair of more columns may be missing, as an attribution
            if len(cells) != len(self.names) and not last < len(cells) < len(self.names):
                problems.bad(
                    f"{self.name}, line {number}: {counted(len(cells), 'column')} where the first "
                    f"line has {len(self.names)}; expected source, tab, target."
                )
                continue
            pair = Pair(*(cells[k].strip() for k in self.columns))
            if is_complete(pair, f"{self.name}, line {number}", problems):
                yield pair, "" if self.group is None else cells[self.group].strip()

    def _pairs_of_files(self, other: TextSource, problems: Problems) -> Iterator[tuple[Pair, str]]:
        """Two files, line by line. A pair is skipped where one of its sides cannot be read."""
        sides = zip_longest(numbered_lines(self.source, problems), numbered_lines(other, problems))
        for a, b in sides:
            if a is None or b is None:
                more, less = (other, self.source) if a is None else (self.source, other)
                number = (a or b)[0]
                raise UserError(
                    f"{less.name} ends after line {number - 1}, and {more.name} is longer; expected "
                    "two files with the same number of lines, each line the translation of the "
                    "other's."
                )
            (number, source), (_, target) = a, b
            if source is None or target is None:
                continue
            pair = Pair(source.strip(), target.strip())
            if is_complete(pair, f"{self.name}, line {number}", problems):
                yield pair, ""


def is_complete(pair: Pair, where: str, problems: Problems) -> bool:
    """Whether both sides hold a text; `problems` takes a pair where one does not."""
    if pair.source and pair.target:
        return True
    side = "the target is" if pair.source else "the source is" if pair.target else "both sides are"
    problems.bad(f"{where}: {side} empty; expected a text on each side.")
    return False


def open_pairs(
    path: str, source: str | None = None, target: str | None = None, by: str | None = None
) -> PairFile:
    """Find the pairs at a path.

    Args:
        path: a file of text, a table or JSON, or "-" for standard input; packed files are unpacked.
        source: a column by its number, from 1, or by its name in the first line. Default: 1.
        target: the same, or a second file that matches the first line by line. Default: 2.
        by: the column of the group of a pair, by its number or name. Default: there are no groups.

    Raises:
        UserError: where there is no such file or column.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.translate.pairs import open_pairs
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
                "two columns of one file, or two files that match line by line."
            )
        if by is not None:
            raise UserError(
                f"--by={by} names a column, and target={target} is a second file; two files that match "
                "line by line have no columns. Give one file with a column of the groups."
            )
        return PairFile(first, one_file(target))
    table = open_pair_table(first, source, target, by)
    if table is not None:
        return table
    readable = (line for _, line in numbered_lines(first, Problems(skip=True)) if line)
    line = next(readable, None)
    if line is None:
        for _ in numbered_lines(first, Problems()):
            pass  # raises what is wrong with the first line
        raise UserError(f"{path} is empty; expected source, tab, target in each line.")
    names = tuple(cell.strip() for cell in line.split("\t"))
    if len(names) < 2:
        raise UserError(
            f"{path}, line 1: one column; expected source, tab, target in each line. Where the "
            "targets are in a second file, line by line, name it with --target FILE."
        )
    return columns_of_lines(first, names, source, target, by)


def open_further_pairs(
    path: str,
    run: PairNames,
    source: str | None = None,
    target: str | None = None,
    by: str | None = None,
) -> PairFile:
    """The pairs of a file other than that of training, in the columns of the run.

    Args:
        path: as of `open_pairs`.
        run: the columns of the run; a file without names is read by what its columns hold.
        source: the column of the sources, where it was given for this file.
        target: the column or the file of the targets, where it was given for this file.
        by: the column of the group of a pair, where it was given for this file.

    Raises:
        UserError: where there is no such file, or a column of the run or a given one is missing.
    """
    if target is None and run.target is not None and Path(run.target).is_file():
        return open_pairs(path, source or run.source, run.target, by)
    if source is None or target is None:
        rows, names = first_pair_rows(one_file(path))
        asked = replace(run, source=source or run.source, target=target or run.target)
        found = asked.of(rows, names, path)
        source, target = source or found[0], target or found[1]
    return open_pairs(path, source, target, by)


def first_pair_rows(file: TextSource) -> tuple[Sequence[Sequence[Any]], Sequence[str] | None]:
    """The first rows of a file, and the names of its columns; None where the first row may hold them."""
    name = file.name
    if name != "-" and is_pair_table(file.files[0], name):
        table = open_table(file.files[0], name)
        return table.sampled_rows(LOOK, Problems(skip=True)), table.names
    if name == "-":  # it can be read only once
        return [], None
    lines = (line for _, line in numbered_lines(file, Problems(skip=True)) if line)
    return [line.split("\t") for line in islice(lines, LOOK)], None


def columns_of_lines(
    file: TextSource,
    names: tuple[str, ...],
    source: str | None,
    target: str | None,
    by: str | None = None,
) -> PairFile:
    """The pairs of lines with tabs.

    Args:
        file: the file.
        names: the cells of its first line.
        source: a column by its number, from 1, or by its name in the first line. Default: 1, or the
            first that holds texts where there are more than two.
        target: the same; by default 2, or the second that holds texts.
        by: the same for the group of a pair. Default: there are no groups.

    Raises:
        UserError: where there is no such column.
    """
    path = file.name
    by_name = any(not word.isdigit() for word in (source, target, by) if word is not None)
    found = None
    if source is None and target is None:
        lines = (line for _, line in numbered_lines(file, Problems(skip=True)) if line)
        rows = [line.split("\t") for line in islice(lines, LOOK)]
        found = find_pair_columns([row for row in rows if len(row) == len(names)], None, path)
    if found is not None and (found.header or len(names) > 2):
        where = found.source, found.target
    else:
        where = (
            column(source or "1", names, path, "--set source"),
            column(target or "2", names, path, "--target"),
        )
    if where[0] == where[1]:
        raise UserError(
            f"Source and target are both column {where[0] + 1} of {path}; expected two columns. Name "
            "them with --set source=N and --target N."
        )
    words = [names[k].lower() for k in where]
    header = by_name or (found is not None and found.header)
    header = header or all(word in known for word, known in zip(words, HEADINGS, strict=True))
    return PairFile(file, None, where, names, header, None, group_beside(where, by, names, path))


def open_pair_table(
    file: TextSource, source: str | None, target: str | None, by: str | None
) -> PairFile | None:
    """The pairs of a table without tabs, or of JSON; None for lines of text.

    Args:
        file: the file.
        source: a column by its number, from 1, or by its name. Default: found.
        target: the same.
        by: the same for the group of a pair. Default: there are no groups.

    Raises:
        UserError: for a table whose columns cannot be found.
    """
    name = file.name
    if name == "-" or not is_pair_table(file.files[0], name):
        return None
    table = open_table(file.files[0], name)
    ill = Problems(skip=True)
    rows = table.sampled_rows(LOOK, ill)
    if not rows:
        raise UserError(
            ill.with_messages(f"{name} holds no pair; expected a source and a target in each row.")
        )
    columns = find_pair_columns(rows, table.names, name, source, target)
    if columns is None:
        names = table.names or tuple(rows[0] if rows else ())
        raise UserError(
            f"{name} has no two columns that must be sources and targets ({listed(names)}). Name them "
            "by --set source=NAME --target NAME."
        )
    where = columns.source, columns.target
    header = columns.header or table.names is not None
    texts = where if columns.nested is None else ()
    group = group_beside(texts, by, table.names or columns.names, name)
    return PairFile(file, None, where, columns.names, header, PairTable(table, columns), group)


def is_pair_table(path: Path, name: str) -> bool:
    """Whether a file is a table without tabs, or JSON.

    Raises:
        UserError: for a file of arrays, and one that cannot be read.
    """
    form = find_form(path, name)
    if form.kind == "arrays":
        raise UserError(f"{name} holds arrays of numbers; expected pairs of texts.")
    if form.kind != "separated":
        return form.kind not in ("text", "labelled lines")
    if form.separator is None or form.separator.character == "\t":
        return False
    lines = [line for line in first_lines(path) if line.strip()]
    return 2 * sum("\t" in line for line in lines) < len(lines)


def one_file(path: str) -> TextSource:
    """The file at a path, or standard input.

    Raises:
        UserError: for a folder, and where there is no file.
    """
    source = text_source(path)
    if len(source.files) != 1 or Path(path).is_dir():
        raise UserError(f"{path} is a folder; expected a file of pairs, one pair per line.")
    return source


def numbered_lines(source: TextSource, problems: Problems) -> Iterator[tuple[int, str | None]]:
    """Every line with its number, from 1, without its end; None for a line that cannot be read.

    Args:
        source: the file.
        problems: takes the lines that cannot be read.

    Raises:
        UserError: for UTF-16 and UTF-32, and for bad lines that are not skipped.
    """
    advice = None
    with open_bytes(source.files[0], source.name) as file:
        for number, raw in enumerate(file, 1):
            if number == 1:
                refuse_other_encoding(raw, source.name)
                raw = raw.removeprefix(codecs.BOM_UTF8)
            where = f"{source.name}, line {number}"
            if b"\0" in raw:
                problems.bad(f"{where}: a NUL byte; expected text in UTF-8.")
                yield number, None
                continue
            try:
                yield number, raw.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                advice = advice or conversion(source.files[0], source.name)
                problems.bad(
                    f"{where}: not UTF-8: byte 0x{raw[error.start]:02X} at byte {error.start + 1} "
                    f"of the line. {advice}"
                )
                yield number, None
