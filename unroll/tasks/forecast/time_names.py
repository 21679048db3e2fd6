"""What columns of times are called, for a guess by their names; loads nothing that is slow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from unroll.tasks.forecast.time_forms import find_time_form, is_date_column, is_plain_number, most

# names of columns of numbers that are times
TIMES = set(
    "time times timestamp timestamps date dates datetime datum day days ds epoch unix unixtime "
    "unix_time ts t year years yr jahr año annee année period zeit step".split()
)
PARTS = (
    {"year", "yr", "jahr", "yyyy"},
    {"month", "mon", "mo", "mm", "monat"},
    {"day", "dd", "tag", "dayofmonth", "day_of_month"},
    {"hour", "hr", "hh", "stunde"},
    {"minute", "min", "mi"},
)
HOURS = {"hour", "hr", "hours", "stunde", "hora", "heure", "he", "hour ending", "hour_ending"}
CLOCK = re.compile(
    r"(?:\d{1,2}:\d{2}(:\d{2})?(\.\d+)?|\d{1,2}\.\d{2}\.\d{2})(\s?[AaPp]\.?[Mm]\.?)?"
)


def time_columns_among(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns that hold times or parts of them, by their names and first cells.

    Args:
        columns: the first cells of each column.

    Returns:
        Columns of dates in one form; numbers that are dates by their name; a year and a month; and
        clocks beside dates.

    Examples:
        >>> from unroll.tasks.forecast.time_names import time_columns_among
        >>> time_columns_among({"day": ["2024-01-31"], "at": ["13:00"], "y": ["5"]})
        ['day', 'at']
    """
    dated = [name for name, cells in columns.items() if is_time_column(name, cells)]
    lower = {name.lower(): name for name in columns}
    parts = [next((lower[name] for name in lower if name in kinds), None) for kinds in PARTS]
    if not dated and parts[0] is not None and parts[1] is not None:
        return [part for part in parts if part is not None]
    if dated:
        dated += [
            name
            for name, cells in columns.items()
            if all(len(cell) < 20 and CLOCK.fullmatch(cell) for cell in cells)
        ]
    return dated


def is_time_column(name: str, cells: Sequence[str]) -> bool:
    """Whether a column holds dates in one form, or numbers that are dates by its name and their size."""
    if not cells or is_date_column(list(cells), None):
        return bool(cells)
    if name.lower() not in TIMES or not most(cells, is_plain_number):
        return False
    form = find_time_form(cells, None, name)
    return form is not None and form.dates
