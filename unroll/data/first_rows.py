"""The first rows of a table, to guess what it holds; no torch is loaded here."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from unroll.data.files.forms import FileForm, find_form, first_numbered_lines
from unroll.data.files.lines import numbered_lines
from unroll.data.files.separated import Separator, separated_rows
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError

LOOK = 200  # rows that are read at most
MOST_CHARACTERS = 1 << 22  # of them together


def is_table(path: Path) -> bool:
    """Whether a path is a file with a table: by its suffix, or beyond doubt by its content."""
    try:
        form = find_form(path, str(path))
    except UserError:  # told when it is read
        return False
    return form.is_table and form.kind not in ("text", "arrays")


def has_columns(path: Path) -> bool:
    """Whether a path is a file with rows of columns, whatever its suffix says."""
    try:
        return find_form(path, str(path)).kind not in ("text", "arrays")
    except UserError:  # told when it is read
        return False


def first_rows(path: Path) -> tuple[list[list[str]], list[str] | None]:
    """The first rows of a table.

    Args:
        path: a table of any form.

    Returns:
        The rows, and the names of their columns; None where names may be in the first row.

    Raises:
        UserError: where it is no table, or cannot be read.
    """
    found = path.stat()
    rows, names = _first_rows(path, found.st_size, found.st_mtime_ns)
    return [list(row) for row in rows], None if names is None else list(names)


def sampled_rows(path: Path) -> tuple[list[list[str]], list[str] | None]:
    """The first rows of a table, and some from throughout the rest: it may be sorted.

    Args:
        path: a table of any form.

    Returns:
        As of `first_rows`.

    Raises:
        UserError: where it is no table, or cannot be read.
    """
    rows, names = first_rows(path)
    if len(rows) == LOOK:
        found = path.stat()
        rows += [list(row) for row in _further_rows(path, found.st_size, found.st_mtime_ns)]
    return rows, names


def first_lines(path: Path, count: int = LOOK) -> list[str]:
    """The first lines of a text, whatever its bytes; none where it cannot be read.

    Args:
        path: a file, packed or not.
        count: lines at most; fewer where they are long.
    """
    try:
        return [line for _, line in first_numbered_lines(path, str(path), count)]
    except UserError:  # told when it is read
        return []


@lru_cache(maxsize=16)
def _further_rows(path: Path, size: int, changed: int) -> list[list[str]]:
    """Rows from throughout a file, after the first ones."""
    return open_table(path).sampled_rows(LOOK)[LOOK:]


@lru_cache(maxsize=16)  # every task looks at the same file
def _first_rows(
    path: Path, size: int, changed: int
) -> tuple[list[list[str]], tuple[str, ...] | None]:
    """The first rows of a file as it was when it had this size and this time of change."""
    form = find_form(path, str(path))
    if form.kind == "separated":
        return separated_first_rows(path, form), None
    table = open_table(path)
    return table.first_rows(LOOK), table.names


def separated_first_rows(path: Path, form: FileForm) -> list[list[str]]:
    """The first rows of a separated text, whatever its bytes; bad ones are told when it is read."""
    numbered = numbered_lines(path, str(path), Problems(skip=True, glance=True), replace=True)
    first = (each for each in numbered if each[0] >= form.first_line)
    separator = form.separator or Separator(",", True)
    rows, characters = [], 0
    for row in separated_rows(first, str(path), separator, Problems(skip=True, glance=True)):
        rows.append(row.cells)
        characters += sum(map(len, row.cells))
        if len(rows) == LOOK or characters > MOST_CHARACTERS:
            break
    return rows
