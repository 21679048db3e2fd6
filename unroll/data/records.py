"""Records with labels: rows of a table, files of a folder for each class.

They are read lazily; each knows its file and line. What is wrong with a record is noted in `Problems`,
which raises at the first one or skips it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.counting import counted, listed
from unroll.data.columns import TableColumns, find_columns
from unroll.data.files.forms import suffix_of
from unroll.data.files.lines import numbered_lines
from unroll.data.files.rows import Row, TableRows, as_word
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.text import TEXT_SUFFIXES
from unroll.errors import UserError

LOOK = 1000  # rows that a guess looks at
TABLE_SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Record:
    """A text or a sequence of numbers, with its labels.

    Attributes:
        value: a text, or numbers [T, F].
        labels: its classes; empty where the record is an input for a prediction.
        where: file and line, for errors.
        group: what it belongs to with others, such as a speaker; "" where nothing names it.
    """

    value: Any
    labels: tuple[str, ...]
    where: str
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose columns are known; its rows can be read any number of times.

    Attributes:
        source: the rows, with those that hold names.
        columns: which column holds what.
    """

    source: TableRows
    columns: TableColumns

    @property
    def name(self) -> str:
        """What the user called it, for errors."""
        return self.source.name

    def rows(self, problems: Problems) -> Iterator[Row]:
        """Its rows, without the header; a row of another width is bad."""
        names = self.columns.names
        for k, row in enumerate(self.source.rows(problems)):
            if k == 0 and self.columns.header:
                continue
            if len(row.cells) == len(names):
                yield row
            else:
                width = counted(len(row.cells), "column")
                problems.bad(
                    f"{self.name}, line {row.line}: {width} where {len(names)} are expected "
                    f"({listed(names)})."
                )


def find_table(
    path: str | Path,
    text: str | None = None,
    label: str | None = None,
    *,
    labelled: bool = True,
    id: str | None = None,
) -> Table:
    """Find the columns of a table of any form.

    Args:
        path: the file.
        text: its column, as `unroll.data.columns.find_columns` takes it. Default: guessed.
        label: the same for the label.
        labelled: whether to look for a label.
        id: the column that names the sequence, in a table of numbers.

    Raises:
        UserError: where there is no table, or its columns cannot be found.
    """
    source = open_table(path)
    ill = Problems(skip=True, glance=True)
    rows = source.sampled_rows(LOOK, ill)
    if not rows or source.names == ():
        sentence = f"{source.name} holds no record; expected a text and a label in each."
        raise UserError(ill.with_messages(sentence))
    columns = find_columns(
        rows, source.name, text, label, names=source.names, labelled=labelled, id=id
    )
    return Table(source, columns)


def labelled_texts(
    table: Table, problems: Problems, separator: str | None = None, by: int | None = None
) -> Iterator[Record]:
    """The texts of a table, with their labels where it has a column of labels.

    Args:
        table: with a column of texts.
        problems: notes bad records.
        separator: between the labels of a cell that has several; a list in a .jsonl needs none.
        by: place of the column of the group, from 0. Default: there are no groups.
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
        group = "" if by is None else as_word(row.cells[by]).strip()
        yield Record(value.strip(), labels, where, group)


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
        if path.is_file() and suffix_of(path) in suffixes
    ]
    if len({path.relative_to(folder).parts[0] for path in files}) < 2:
        raise UserError(
            f"The folder {folder} does not hold a folder for each class; expected two or more "
            f"folders with files that end in {', '.join(suffixes)}, as in {folder}/good/1.txt."
        )
    return files


def writable(text: str) -> bool:
    """Whether UTF-8 can encode a text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
