"""Metrics of groups of records beside those of all: of each speaker, source, series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from unroll.counting import counted
from unroll.errors import UserError

M = TypeVar("M")

MOST_GROUPS = 1000  # that are measured
MOST_LINES = 40  # groups that are a line each
NAMELESS = "(empty)"  # how the group of an empty cell is shown


def measure_groups(groups: Sequence[str], measure: Callable[[list[int]], M]) -> dict[str, M]:
    """The metrics of the records of each group, by its name.

    When to use it: in the `evaluate` of a task whose data has columns, for its key `groups`.

    Args:
        groups: that of each record.
        measure: the metrics of the records at these rows, as the task measures all of them.

    Raises:
        UserError: where there are too many of them.

    Examples:
        >>> from unroll.tasks.grouped import measure_groups
        >>> measure_groups(["anna", "ben", "anna"], len)
        {'anna': 2, 'ben': 1}
    """
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    if len(rows) > MOST_GROUPS:
        raise UserError(
            f"The column of --by has {len(rows):,} different values in "
            f"{counted(len(groups), 'record')}; expected at most {MOST_GROUPS:,} groups. Name another."
        )
    return {group: measure(rows[group]) for group in sorted(rows)}


def group_table(groups: Mapping[str, M], format_metrics: Callable[[M], str]) -> list[str]:
    """One line for each group, their names padded to one width; the first of many.

    Args:
        groups: metrics of each, by its name.
        format_metrics: writes the metrics of one line.

    Examples:
        >>> from unroll.tasks.grouped import group_table
        >>> group_table({"anna": 0.5, "": 0.25}, "{:.0%}".format)
        ['By group:', '  anna     50%', '  (empty)  25%']
    """
    if not groups:
        return []
    shown = {name or NAMELESS: groups[name] for name in list(groups)[:MOST_LINES]}
    width = max(map(len, shown))
    more = len(groups) - len(shown)
    return [
        "By group:",
        *(f"  {name:{width}}  {format_metrics(metrics)}" for name, metrics in shown.items()),
        *([f"  and {counted(more, 'more group')} (--json has all)."] if more else []),
    ]
