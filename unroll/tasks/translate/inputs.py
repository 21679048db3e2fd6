"""The texts that a file of inputs asks to translate."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from unroll.data.files.forms import find_form
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.first_rows import is_table
from unroll.data.problems import Problems
from unroll.data.text import TextSource
from unroll.errors import UserError
from unroll.tasks.translate.pair_columns import PairNames, find_source_column
from unroll.tasks.translate.pairs import (
    LOOK,
    columns_of_lines,
    first_pair_rows,
    is_pair_table,
    numbered_lines,
    one_file,
)


def check_text(text: object) -> str:
    """An input as a text without spaces around it.

    Raises:
        UserError: where it is not a text.
    """
    if not isinstance(text, str):
        raise UserError(
            f"Got {type(text).__name__} where a text to translate is expected. Give a string."
        )
    return text.strip()


def read_sources(
    path: str,
    column: str | None,
    *,
    parallel: bool,
    target: str | None = None,
    named: Collection[str] = ("source",),
) -> Iterator[str]:
    """The sources of a file, in order: whole lines, or one column where a line has tabs.

    Args:
        path: a file of lines, a table or JSON, or "-" for standard input.
        column: of the source, by number from 1, or by its name in the first line. Default: 1.
        parallel: whether the run was trained on two files, whose lines are read whole.
        target: the column of the target in training, which is no source.
        named: the settings that the user gave in training.

    Raises:
        UserError: for lines that cannot be read or do not have the column.
    """
    file = one_file(path)
    if column is not None and path != "-" and not parallel:
        rows, names = first_pair_rows(file)
        if names is not None or any(len(row) > 1 for row in rows):
            run = PairNames(column, target, named)
            column = run.of(rows, names, path, with_target=False)[0]
    table = source_cells(file, column)
    if table is not None:
        yield from table
        return
    word, header = column or "1", False
    place = int(word) - 1 if word.isdigit() else None
    if column is None and path != "-" and not parallel:
        first = next((line for _, line in numbered_lines(file, Problems(skip=True)) if line), "")
        if "\t" in first:  # the same guess as of pairs
            pairs = columns_of_lines(file, tuple(first.split("\t")), None, None)
            place, header = pairs.columns[0], pairs.header
    for number, line in numbered_lines(file, Problems()):
        if line is None or (header and number == 1):
            continue
        if parallel or "\t" not in line:
            yield line
            continue
        cells = line.split("\t")
        if place is None:
            if number == 1 and word in cells:
                place = cells.index(word)
                continue
            raise UserError(
                f"{path}, line 1: no column {word!r}, from which the run reads its sources. Give a "
                "first line with the names of the columns, or lines with nothing but the source."
            )
        if place >= len(cells):
            raise UserError(
                f"{path}, line {number}: {len(cells)} columns; expected the source in column "
                f"{place + 1}."
            )
        yield cells[place]


def source_cells(file: TextSource, column: str | None) -> Iterator[str] | None:
    """The sources of a table without tabs, or of JSON; None for lines of text.

    Args:
        file: the file.
        column: of the source, by number from 1, or by its name. Default: the one of pairs, or the only
            one that holds texts.

    Raises:
        UserError: where there is no such column.
    """
    name = file.name
    if name == "-" or find_form(file.files[0], name).kind == "text" or not is_table(file.files[0]):
        return None
    if not is_pair_table(file.files[0], name):
        return None
    table = open_table(file.files[0], name)
    columns = find_source_column(table.sampled_rows(LOOK), table.names, name, column)
    rows = islice(table.rows(Problems(may_skip=False)), int(columns.header), None)
    found = (list(columns.cells(row.cells))[columns.source : columns.source + 1] for row in rows)
    return (as_word(cells[0]).strip() if cells else "" for cells in found)
