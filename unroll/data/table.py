"""Lines as records: each line of a text its own sequence, or a column of a table with a category."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from unroll.data.text import TextSource, is_jsonl, lines
from unroll.errors import UserError


@dataclass(frozen=True)
class LineColumns:
    """Which column holds the text and which the category, counted from 0; header: skip line 1."""

    text: int
    condition: int
    separator: str
    header: bool
    names: tuple[str, ...]


def line_records(
    source: TextSource, columns: LineColumns | None
) -> Iterator[tuple[str, str | None]]:
    """Each line that is not blank, as (text, category or None).

    Raises: UserError for a line with too few columns, with its number.
    """
    for path in source.files:
        if is_jsonl(path):
            raise UserError(
                f"{source.name} is JSON lines; --per-line expects a text or a table. Take the field "
                "out first, or train without --per-line."
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
                    f"{len(columns.names)}. Mend the line, or leave it out."
                )
            text, category = parts[columns.text].strip(), parts[columns.condition].strip()
            if not category:
                raise UserError(
                    f"{name}, line {number}: no category in column {columns.condition + 1}. "
                    "Fill it in, or leave the line out."
                )
            if text:
                yield text, category


def find_line_columns(source: TextSource, condition: str, text: str | None) -> LineColumns:
    """The columns of a table by number (from 1, as `cut -f` counts) or by the name in its header.

    Raises: UserError where the table has no such column, or the category is no category.
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
                f"{source.name} has {len(names)} columns ({', '.join(names)}); say which one holds "
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
            f"values in {total} lines; a category comes back many times. Columns count from 1: "
            f"did you mean --condition {columns.text + 1}?"
        )
    if not header and total > 20 and seen[names[where]] == 1:
        # a value that stands in the first line and never again is a column's name
        return replace(columns, header=True)
    return columns


def cells(line: str, separator: str) -> list[str]:
    """The cells of one line; with commas, quotes are read as a .csv means them."""
    return line.split(separator) if separator == "\t" else next(csv.reader([line]), [""])


def column(wanted: str, names: tuple[str, ...], table: str, flag: str) -> int:
    if wanted.isdigit():
        if 1 <= int(wanted) <= len(names):
            return int(wanted) - 1
    elif wanted in names:
        return names.index(wanted)
    raise UserError(
        f"{flag} got {wanted!r}; {table} has the columns 1 to {len(names)} ({', '.join(names)}). "
        "Columns count from 1."
    )


def count_categories(
    source: TextSource, columns: LineColumns, most: int = 10_000
) -> Counter[str | None]:
    """How often each value of the category's column comes, in the first lines."""
    return Counter(category for _, category in islice(line_records(source, columns), most))
