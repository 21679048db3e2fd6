"""Records with labels: rows of a .csv or .tsv, lines of a .jsonl, files of a folder for each class.

They are read lazily; each knows its file and line. What is wrong with a record is noted in `Problems`,
which raises at the first one or skips it.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.data.columns import TableColumns, find_columns
from unroll.data.problems import Problems
from unroll.data.text import TEXT_SUFFIXES, is_jsonl, open_bytes, refuse_other_encoding
from unroll.errors import UserError

LOOK = 1000  # rows that a guess looks at
MOST_LINES = 1000  # of one quoted cell, so that an open quote does not read the whole file
LONGEST_CELL = 1 << 24  # characters
TABLE_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Record:
    """A text or a sequence of numbers, with its labels.

    Attributes:
        value: a text, or numbers [T, F].
        labels: its classes; empty where the record is an input for a prediction.
        where: file and line, for errors.
    """

    value: Any
    labels: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        line: where it begins, from 1.
        cells: strings, or what the objects of a .jsonl hold.
    """

    line: int
    cells: list[Any]


Rows = Callable[[Problems], Iterator[Row]]


@dataclass(frozen=True)
class Table:
    """A table whose columns are known; its rows can be read any number of times.

    Attributes:
        path: the file.
        name: what the user called it, for errors.
        columns: which column holds what.
    """

    path: Path
    name: str
    columns: TableColumns

    def rows(self, problems: Problems) -> Iterator[Row]:
        """Its rows, without the header; a row of another width is bad."""
        names = self.columns.names
        if is_jsonl(self.path):
            yield from objects(self.path, self.name, names, problems)
            return
        for row in table_rows(self.path, self.name, problems):
            if row.line == 1 and self.columns.header:
                continue
            if len(row.cells) == len(names):
                yield row
            else:
                width = counted(len(row.cells), "column")
                problems.bad(
                    f"{self.name}, line {row.line}: {width} where {len(names)} are expected "
                    f"({', '.join(names)})."
                )


def find_table(
    path: str | Path,
    text: str | None = None,
    label: str | None = None,
    *,
    labelled: bool = True,
    id: str | None = None,
) -> Table:
    """Find the columns of a .csv, .tsv or .jsonl, or of one of them as .gz.

    Args:
        path: the file.
        text: its column, as `unroll.data.columns.find_columns` takes it. Default: guessed.
        label: the same for the label.
        labelled: whether to look for a label.
        id: the column that names the sequence, in a table of numbers.

    Raises:
        UserError: where there is no table, or its columns cannot be found.
    """
    path = Path(path)
    name = str(path)
    if not path.is_file():
        raise UserError(
            f"There is no file {name}; expected a table. Check the path, from {Path.cwd()}."
        )
    ill = Problems(skip=True)
    names: list[str] | None = None
    if is_jsonl(path):
        found = [record for _, record in islice(json_objects(path, name, ill), LOOK)]
        names = list(dict.fromkeys(key for record in found for key in record))
        rows = [[as_word(record.get(key)) for key in names] for record in found]
    else:
        rows = [row.cells for row in islice(table_rows(path, name, ill), LOOK)]
    if not rows or (names is not None and not names):
        raise UserError(
            ". ".join(
                [f"{name} holds no record; expected a text and a label in each", *ill.messages()]
            )
        )
    columns = find_columns(rows, name, text, label, names=names, labelled=labelled, id=id)
    return Table(path, name, columns)


def labelled_texts(
    table: Table, problems: Problems, separator: str | None = None
) -> Iterator[Record]:
    """The texts of a table, with their labels where it has a column of labels.

    Args:
        table: with a column of texts.
        problems: notes bad records.
        separator: between the labels of a cell that has several; a list in a .jsonl needs none.
    """
    label = table.columns.label
    text = table.columns.text or 0
    for row in table.rows(problems):
        where, value = f"{table.name}, line {row.line}", row.cells[text]
        if not isinstance(value, str) or not value.strip():
            empty = value is None or isinstance(value, str)
            got = "the text is empty" if empty else f"the text is {as_word(value)[:40]}"
            problems.bad(f"{where}: {got}; expected words in column {table.columns.names[text]}.")
            continue
        if not writable(value):
            problems.bad(
                f"{where}: the text has half of a surrogate pair, which UTF-8 cannot encode."
            )
            continue
        labels: tuple[str, ...] = ()
        if label is not None:
            found = labels_of(row.cells[label], separator)
            if found is None:
                problems.bad(
                    f"{where}: no label; expected one in column {table.columns.names[label]}."
                )
                continue
            labels = found
        yield Record(value.strip(), labels, where)


def labels_of(cell: Any, separator: str | None) -> tuple[str, ...] | None:
    """The labels of a cell, each once; None where the cell is empty.

    An empty list is not the same as an empty cell: it says that none of the classes applies.
    """
    if isinstance(cell, list):
        return tuple(dict.fromkeys(as_word(each).strip() for each in cell))
    word = as_word(cell).strip()
    if separator is not None:
        return tuple(dict.fromkeys(p.strip() for p in word.split(separator) if p.strip()))
    return (word,) if word else None


def folder_texts(folder: Path, problems: Problems) -> Iterator[Record]:
    """Each file in the folder of a class as a text; the name of the folder is the label."""
    for path in class_files(folder, TEXT_SUFFIXES):
        text = "\n".join(line for _, line in numbered_lines(path, str(path), problems)).strip()
        if text:
            yield Record(text, (path.relative_to(folder).parts[0],), str(path))
        else:
            problems.bad(f"{path}: the text is empty; expected one text per file.")


def class_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files with these suffixes in the folders of a folder, in the order of names.

    Raises:
        UserError: where there are fewer than two classes.
    """
    files = [
        path
        for each in sorted(p for p in folder.iterdir() if p.is_dir())
        for path in sorted(each.rglob("*"))
        if path.is_file() and path.name.removesuffix(".gz").endswith(suffixes)
    ]
    if len({path.relative_to(folder).parts[0] for path in files}) < 2:
        raise UserError(
            f"The folder {folder} does not hold a folder for each class; expected two or more "
            f"folders with files that end in {', '.join(suffixes)}, as in {folder}/good/1.txt."
        )
    return files


def table_rows(path: Path, name: str, problems: Problems) -> Iterator[Row]:
    """The rows of a .csv or .tsv that are not blank.

    With commas, quoted cells may hold commas, doubled quotes and line ends; a quote that is never closed
    is a bad record, and reading continues after its line. With tabs, a cell ends at the tab or line end
    whatever quotes are in it; quotes around a whole cell are removed.

    Args:
        path: the file.
        name: what the user called it, for errors.
        problems: notes bad records.
    """
    numbered = numbered_lines(path, name, problems)
    if ".tsv" in path.name:
        for line, text in numbered:
            if text.strip():
                yield Row(line, [unquoted(cell) for cell in text.split("\t")])
        return
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        lines = Lines(numbered)
        while lines.more():
            line = lines.begin()
            try:
                cells = next(csv.reader(lines, strict=True))
            except csv.Error as error:
                lines.back_to(1)
                problems.bad(
                    f"{name}, line {line}: {quote_trouble(error)} Fix the line; a quote within a "
                    'quoted cell is written twice, "".'
                )
                continue
            if any(cell.strip() for cell in cells):
                yield Row(line, cells)
    finally:
        csv.field_size_limit(before)


class Lines:
    """Numbered lines for a reader of quoted cells, which can step back when it has read too far."""

    def __init__(self, numbered: Iterator[tuple[int, str]]) -> None:
        self._numbered = numbered
        self._waiting: deque[tuple[int, str]] = deque()
        self._read = 0  # of those that wait: the row that is read now

    def more(self) -> bool:
        """Whether there is another line; the lines of the row before are dropped."""
        self.back_to(self._read)
        return self._fill()

    def begin(self) -> int:
        """The number of the line where a row begins."""
        return self._waiting[0][0]

    def back_to(self, count: int) -> None:
        """Let the next row begin after the first `count` lines of this one."""
        for _ in range(count):
            self._waiting.popleft()
        self._read = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._read == MOST_LINES or not self._fill():
            raise StopIteration
        self._read += 1
        return self._waiting[self._read - 1][1] + "\n"

    def _fill(self) -> bool:
        if self._read == len(self._waiting):
            self._waiting.extend(islice(self._numbered, 1))
        return self._read < len(self._waiting)


def quote_trouble(error: csv.Error) -> str:
    """What is wrong with the quotes, as a sentence."""
    if "unexpected end" in str(error):
        return "a quote is never closed."
    return f"the quotes are not balanced ({error})."


def unquoted(cell: str) -> str:
    """A cell without the quotes around it, where all quotes inside are doubled."""
    inner = cell.strip()
    if len(inner) > 1 and inner[0] == inner[-1] == '"' and '"' not in inner[1:-1].replace('""', ""):
        return inner[1:-1].replace('""', '"')
    return cell


def objects(path: Path, name: str, names: tuple[str, ...], problems: Problems) -> Iterator[Row]:
    """The objects of a .jsonl as rows of these fields; None where an object has no such field."""
    for line, record in json_objects(path, name, problems):
        yield Row(line, [record.get(each) for each in names])


def json_objects(path: Path, name: str, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line number and the object of each line of a .jsonl that is not blank."""
    for line, text in numbered_lines(path, name, problems):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:  # also numbers too long, lists too deep
            said = getattr(error, "msg", error)
            problems.bad(f"{name}, line {line}: not JSON ({said}); expected one object per line.")
            continue
        if isinstance(record, dict):
            yield line, record
        else:
            problems.bad(
                f"{name}, line {line}: {type(record).__name__} where an object is expected."
            )


def numbered_lines(path: Path, name: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """The number and the text of each line of a file; line ends may be \\n, \\r\\n or \\r.

    A line that is not UTF-8, or has a NUL byte, is a bad record.

    Raises:
        UserError: for a file in UTF-16 or UTF-32, or one that cannot be read.
    """
    line = 0
    with open_bytes(path, name) as file:
        for raw in file:
            line += 1
            if line == 1:
                refuse_other_encoding(raw, name)
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                problems.bad(
                    f"{name}, line {line}: not UTF-8 (byte 0x{raw[error.start]:02X} at position "
                    f"{error.start} of the line). Convert the file: iconv -f LATIN1 -t UTF-8."
                )
                continue
            if "\0" in text:
                problems.bad(f"{name}, line {line}: a NUL byte; expected text in UTF-8.")
                continue
            # files of old Macs end their lines by \r alone
            first, *more = text.removesuffix("\n").removesuffix("\r").split("\r")
            yield line, first
            for part in more:
                line += 1
                yield line, part


def as_word(cell: Any) -> str:
    """A cell of JSON as a string: numbers as they are written, null as the empty string."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None else json.dumps(cell, ensure_ascii=False)


def writable(text: str) -> bool:
    """Whether UTF-8 can encode a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
