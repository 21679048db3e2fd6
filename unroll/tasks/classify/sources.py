"""Where labelled records come from: a table of texts, a folder for each class, numbers of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unroll.data.columns import place
from unroll.data.problems import Problems
from unroll.data.records import (
    TABLE_SUFFIXES,
    Record,
    class_files,
    find_table,
    folder_texts,
    labelled_texts,
)
from unroll.data.series import folder_columns, folder_sequences, number, table_sequences
from unroll.data.text import TEXT_SUFFIXES, is_jsonl
from unroll.errors import UserError

SUFFIXES = (".csv", ".tsv", ".jsonl")


@dataclass(frozen=True)
class Source:
    """Labelled records, read from the start as often as wanted.

    name: what the user called it. numbers: the columns of sequences of numbers; None: texts.
    said: what was guessed, each with the flag that changes it. text, label: the columns' names,
    where there are any. read(problems): the records, one after the other.
    """

    name: str
    numbers: tuple[str, ...] | None
    said: tuple[str, ...]
    text: str | None
    label: str | None
    read: Callable[[Problems], Iterator[Record]]


def find_source(
    path: str | Path,
    *,
    text: str | None = None,
    label: str | None = None,
    separator: str | None = None,
    id: str | None = None,
    columns: str | None = None,
    labelled: bool = True,
) -> Source:
    """The records at a path: a .csv, .tsv or .jsonl (or .gz of one), or a folder for each class.

    id: the column that names the sequence, for numbers in one table; columns: those of the numbers.
    Raises: UserError where there is nothing that can be read so.
    """
    where = Path(path)
    if where.is_dir():
        return folder_source(where)
    if not where.exists():
        raise UserError(
            f"There is no file or folder {path}; expected a table of texts with labels. Check the "
            f"path, from {Path.cwd()}."
        )
    if not str(path).removesuffix(".gz").endswith(SUFFIXES):
        raise UserError(
            f"{path} is no table; a classifier learns from {', '.join(SUFFIXES)} (each also as .gz) "
            "with a text and a label in each row, or from a folder for each class."
        )
    if id is not None:
        return sequences_source(where, id, label, columns, labelled)
    table = find_table(where, text, label, labelled=labelled)
    found = table.columns
    return Source(
        str(path),
        None,
        found.said,
        None if found.text is None else found.names[found.text],
        None if found.label is None else found.names[found.label],
        lambda problems: labelled_texts(table, problems, separator),
    )


def folder_source(folder: Path) -> Source:
    """A folder for each class, of texts or of tables of numbers."""
    inside = [p for p in folder.rglob("*") if p.is_file()]
    tables = sum(p.name.removesuffix(".gz").endswith(TABLE_SUFFIXES) for p in inside)
    texts = sum(p.name.removesuffix(".gz").endswith(TEXT_SUFFIXES) for p in inside)
    said: tuple[str, ...] = ("label: the name of each folder",)
    if tables <= texts:
        class_files(folder, TEXT_SUFFIXES)
        return Source(
            str(folder), None, said, None, None, lambda problems: folder_texts(folder, problems)
        )
    names = folder_columns(folder)
    said = (*said, f"numbers: {', '.join(names)}, one table a sequence")
    return Source(
        str(folder),
        tuple(names),
        said,
        None,
        None,
        lambda problems: folder_sequences(folder, names, problems),
    )


def sequences_source(
    path: Path, id: str, label: str | None, columns: str | None, labelled: bool
) -> Source:
    """One long table with the numbers of all sequences, a row a step."""
    if is_jsonl(path):
        raise UserError(f"{path}: --set id expects a .csv or .tsv, a row a step.")
    table = find_table(path, None, label, labelled=labelled, id=id)
    names = table.columns.names
    which = place(id, names, table.name, "--set id")
    others = [k for k in range(len(names)) if k not in (which, table.columns.label)]
    if columns is not None:
        others = [
            place(word.strip(), names, table.name, "--set columns") for word in columns.split(",")
        ]
    first = next(table.rows(Problems(skip=True)), None)
    wrong = [names[k] for k in others if first is not None and number(first.cells[k]) is None]
    if wrong or not others or first is None:
        raise UserError(
            f"{path}: {'column ' + wrong[0] + ' holds no number' if wrong else 'no column of numbers'}"
            f"; the columns are {', '.join(names)}. Name those of the numbers by --set columns=a,b."
        )
    chosen = [names[k] for k in others]
    said = (
        f"numbers: {', '.join(chosen)} (change by --set columns)",
        *table.columns.said,
    )
    label_at = table.columns.label
    return Source(
        str(path),
        tuple(chosen),
        said,
        None,
        None if label_at is None else names[label_at],
        lambda problems: table_sequences(table, which, others, problems),
    )
