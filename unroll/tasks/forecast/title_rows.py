"""Titles and comments above the names of the columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from unroll.counting import listed
from unroll.errors import UserError
from unroll.tasks.forecast.number_forms import is_written_number
from unroll.tasks.forecast.time_forms import ISO

TITLE_ROWS = 20  # in which the names of columns may stand below a title


def refuse_title(
    name: str, line: int, first: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]
) -> None:
    """Refuse a table whose names of columns stand below a title, or below comments.

    Args:
        name: of the file.
        line: of its first row.
        first: the cells of this row, of which a title fills one.
        rows: the line and the cells of each row after it.

    Raises:
        UserError: with the line of the names.

    Examples:
        >>> from unroll.errors import UserError
        >>> from unroll.tasks.forecast.title_rows import refuse_title
        >>> try:
        ...     refuse_title("a.csv", 1, ["Report"], [(3, ["day", "y"]), (4, ["2024-01-31", "5"])])
        ... except UserError as error:
        ...     print(str(error)[:69])
        a.csv, line 1: 'Report' is no row of names; they seem to be in line 3
    """
    filled = [cell for cell in first if cell]
    if len(filled) > 1 and not filled[0].startswith("#"):
        return
    for (number, cells), (_, values) in pairwise(rows):
        named = len(cells) > 1 and all(cells) and len(set(cells)) == len(cells)
        if not named or any(is_written_number(each) or ISO.fits(each) for each in cells):
            continue
        if len(values) == len(cells) and any(map(is_written_number, values)):
            raise UserError(
                f"{name}, line {line}: {', '.join(filled)[:60]!r} is no row of names; they seem to be "
                f"in line {number} ({listed(cells)}). Remove the lines above it."
            )
