"""Rows with the names of their columns: what every reader of tables reads, wherever they come from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from unroll.data.problems import Problems

MOST_READ = 200_000  # rows of a table that can only be read from its beginning


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        line: where it begins, from 1; in a table that has no lines, its number.
        cells: strings, or what JSON and typed tables hold.
    """

    line: int
    cells: list[Any]


@dataclass(frozen=True)
class TableRows:
    """A table in any form: a file that `unroll.data.files.tables.open_table` reads, or data in Python.

    Attributes:
        name: what the user called it, for errors.
        names: of the columns. None: the first row may hold them.
        read: takes `Problems` for bad rows; returns the rows, the first one with names among them.
        folder: where relative paths in its cells begin.
        said: what was guessed about its form, for people.
        far: rows from places throughout a large table, read without going through all of it. None:
            it is small, or can only be read from its beginning.

    Examples:
        >>> from unroll.data.files.rows import Row, TableRows
        >>> table = TableRows("the data", ("text", "label"), lambda problems: iter([Row(1, ["a", 1])]))
        >>> table.first_rows(5)
        [['a', '1']]
    """

    name: str
    names: tuple[str, ...] | None
    read: Callable[[Problems], Iterator[Row]]
    folder: Path = Path()
    said: tuple[str, ...] = ()
    far: Callable[[], Iterator[Row]] | None = None

    def rows(self, problems: Problems) -> Iterator[Row]:
        """Every row, from the start, as often as needed. problems: notes bad rows."""
        return self.read(problems)

    def first_rows(self, count: int, problems: Problems | None = None) -> list[list[str]]:
        """The cells of the first rows as strings; bad rows are passed over.

        Args:
            count: rows at most.
            problems: notes the bad rows. Default: they are forgotten.
        """
        found = self.read(Problems(skip=True, glance=True) if problems is None else problems)
        return [[as_word(cell) for cell in row.cells] for row in islice(found, count)]

    def sampled_rows(self, count: int, problems: Problems | None = None) -> list[list[str]]:
        """The first rows, and some from throughout the rest of the table: it may be sorted.

        Args:
            count: first rows at most, and about as many others.
            problems: notes bad rows among those that are read. Default: they are forgotten.
        """
        found = iter(self.read(Problems(skip=True, glance=True) if problems is None else problems))
        rows = [[as_word(cell) for cell in row.cells] for row in islice(found, count)]
        if len(rows) < count:
            return rows
        others, step = [], 1
        for k, row in enumerate(islice(found, MOST_READ) if self.far is None else self.far()):
            if k % step == 0:
                others.append([as_word(cell) for cell in row.cells])
            if len(others) > 2 * count:
                others, step = others[::2], 2 * step
        return rows + others


def as_word(cell: Any) -> str:
    """A cell as a string: numbers as JSON writes them, nothing as the empty string."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None else json.dumps(cell, ensure_ascii=False)
