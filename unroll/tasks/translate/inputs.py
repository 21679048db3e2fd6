"""The texts that a file of inputs asks to translate."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.translate.pairs import numbered_lines, one_file


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


def read_sources(path: str, column: str | None, *, parallel: bool) -> Iterator[str]:
    """The sources of a file, in order: whole lines, or one column where a line has tabs.

    Args:
        path: a file, or "-" for standard input.
        column: of the source, by number from 1, or by its name in the first line. Default: 1.
        parallel: whether the run was trained on two files, whose lines are read whole.

    Raises:
        UserError: for lines that cannot be read or do not have the column.
    """
    word = column or "1"
    place = int(word) - 1 if word.isdigit() else None
    for number, line in numbered_lines(one_file(path), Problems()):
        if line is None:
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
