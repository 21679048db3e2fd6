"""Lines as records: each line of a text is a sequence, or each row of a table with its category."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from unroll.counting import listed
from unroll.data.text import TextSource, holds_json, lines
from unroll.errors import UserError


@dataclass(frozen=True)
class LineColumns:
    """The columns of a table of lines.

    Attributes:
        text: the number of the column of the text, from 0.
        condition: the number of the column of the category, from 0.
        separator: between columns.
        header: whether line 1 holds the names of the columns.
        names: the cells of line 1.
    """

    text: int
    condition: int
    separator: str
    header: bool
    names: tuple[str, ...]


def line_records(
    source: TextSource, columns: LineColumns | None
) -> Iterator[tuple[str, str | None]]:
    """The text and the category of each line that is not blank; the category is None without columns.

    Raises:
        UserError: for a line of another number of columns, or without a category.
    """
    for path in source.files:
        if holds_json(path, source.name, source.field):
            raise UserError(
                f"{source.name} is JSON lines; --per-line expects a text or a table. Extract the "
                "field first, or train without --per-line."
            )
        name = source.name if len(source.files) == 1 else str(path)
        for number, line in enumerate(lines(path, name), 1):
            if not line.strip():
                continue
            if columns is None:
                yield line, None
                continue
            parts = cells(line, columns.separator)
            # a further file, of --valid, may come without the header
            if columns.header and number == 1 and tuple(map(str.strip, parts)) == columns.names:
                continue
            if len(parts) != len(columns.names):
                raise UserError(
                    f"{name}, line {number}: {len(parts)} columns where the first line has "
                    f"{len(columns.names)}. Fix the line, or remove it."
                )
            text, category = parts[columns.text].strip(), parts[columns.condition].strip()
            if not category:
                raise UserError(
                    f"{name}, line {number}: no category in column {columns.condition + 1}. "
                    "Add it, or remove the line."
                )
            if text:
                yield text, category


def find_line_columns(source: TextSource, condition: str, text: str | None) -> LineColumns:
    """Find the columns of a table of lines.

    Args:
        source: where the table is.
        condition: the column of the category, by number from 1 (as `cut -f`) or by name.
        text: the column of the text. Default: the other one of two.

    Raises:
        UserError: where the table has no such column, or the values of the category hardly repeat.
    """
    first = next(iter(lines(source.files[0], source.name)), "")
    separator = "\t" if "\t" in first else ","
    names = tuple(part.strip() for part in cells(first, separator))
    if len(names) < 2:
        raise UserError(
            f"{source.name} has one column; --condition expects a table with tabs (or commas) "
            "between a text and its category."
        )
    by_name = [name for name in (condition, text) if name and not name.isdigit()]
    header = bool(by_name)
    where = column(condition, names, source.name, "--condition")
    if text is not None:
        what = column(text, names, source.name, "--text")
    else:
        others = [k for k in range(len(names)) if k != where]
        if len(others) > 1:
            raise UserError(
                f"{source.name} has {len(names)} columns ({listed(names)}); say which one holds "
                "the text with --text NUMBER (columns count from 1)."
            )
        what = others[0]
    if what == where:
        raise UserError(
            f"--condition {condition} and --text {text} name the same column of {source.name}; "
            "expected two."
        )
    columns = LineColumns(what, where, separator, header, names)
    seen = count_categories(source, columns)
    total = sum(seen.values())
    if total > 20 and len(seen) > total / 2:
        raise UserError(
            f"--condition {condition}: that column of {source.name} has {len(seen)} different "
            f"values in {total} lines; a category is repeated many times. Columns count from 1: "
            f"did you mean --condition {columns.text + 1}?"
        )
    if not header and total > 20 and seen[names[where]] == 1:
        # a value that is in the first line and never again is the name of a column
        return replace(columns, header=True)
    return columns


def cells(line: str, separator: str) -> list[str]:
    """The cells of one line; with commas, quotes mean what they mean in a .csv."""
    return line.split(separator) if separator == "\t" else next(csv.reader([line]), [""])


def column(wanted: str, names: tuple[str, ...], table: str, flag: str) -> int:
    """The number, from 0, of a column that was given by number from 1 or by name.

    Args:
        wanted: the number, from 1, in digits, or the name.
        names: of all columns, in order.
        table: what the table is called, for the error.
        flag: the option that gave the column, for the error.

    Returns:
        The number of the column, from 0.

    Raises:
        UserError: where the number is outside the table, or no column has the name.
    """
    if wanted.isdigit():
        if 1 <= int(wanted) <= len(names):
            return int(wanted) - 1
    elif wanted in names:
        return names.index(wanted)
    raise UserError(
        f"{flag} got {wanted!r}; {table} has the columns 1 to {len(names)} ({listed(names)}). "
        "Columns count from 1."
    )


def count_categories(
    source: TextSource, columns: LineColumns, most: int = 10_000
) -> Counter[str | None]:
    """How often each category comes, in the first lines."""
    return Counter(category for _, category in islice(line_records(source, columns), most))
