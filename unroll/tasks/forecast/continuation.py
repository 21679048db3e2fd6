"""A later table as the continuation of earlier series: their last rows are its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.series import Series, SeriesTable
from unroll.tasks.forecast.times import TimeStep


@dataclass(frozen=True)
class ContinuedTable:
    """A later table whose series begin with the rows of earlier series.

    Attributes:
        table: the joined series.
        begins: how many steps of each series come from the earlier one; 0 where it continues nothing.
        messages: sentences for people on what was joined and filled.
    """

    table: SeriesTable
    begins: list[int]
    messages: tuple[str, ...]


def continue_series(
    later: SeriesTable, past: Sequence[Series], source: str, fill: int, problems: Problems
) -> ContinuedTable:
    """Put the earlier rows of the same series before each series of a later table.

    A series that does not begin with the step after earlier rows stays as it is.

    Args:
        later: the later table.
        past: earlier series; their words have the same numbers as in the later table.
        source: what the earlier rows come from, for sentences: "the run's data".
        fill: how many steps may be missing between; they are filled like other missing values.
        problems: takes a series without a known target that continues nothing.

    Raises:
        UserError: where no series is left.
    """
    by_name: dict[str, list[Series]] = {}
    for old in past:
        by_name.setdefault(old.name, []).append(old)
    joined, begins, missing = [], [], 0
    for one in later.series:
        own = by_name.get(one.name, [])
        before = [
            found for old in own if (found := rows_before(old, one, later.step, fill)) is not None
        ]
        if before:
            old, gap = min(before, key=lambda found: (found[1], -len(found[0].times)))
            joined.append(join(old, gap, one, later.step))
            begins.append(len(old.times) + gap)
            missing += gap
        elif len(one):
            joined.append(one)
            begins.append(0)
        else:
            of = f" of the series {one.name}" if one.name else ""
            problems.bad(
                f"{later.name}: no value of {later.columns[0]}{of}; expected values, or times that "
                f"begin where {source} ends{at_the_end(later, own)}."
            )
    if not joined:
        raise UserError(problems.with_messages(f"{later.name} has no value of {later.columns[0]}."))
    messages = [describe_continuation(later, begins, source, past)] if any(begins) else []
    if missing:
        messages.append(
            f"{counted(missing, 'time is', 'times are')} missing between {source} and {later.name}; "
            "filled like other missing values (--set missing=...)."
        )
    return ContinuedTable(replace(later, series=tuple(joined)), begins, tuple(messages))


def rows_before(old: Series, later: Series, step: TimeStep, fill: int) -> tuple[Series, int] | None:
    """The rows of an earlier series that lie before a later one, and the steps between them.

    Returns:
        None where there are no such rows, or more than `fill` steps are missing, or the later series
        is not on the grid of the earlier one.
    """
    rows = int(np.searchsorted(old.times[: len(old)], later.times[0]))
    if not rows:
        return None
    if step.loose:
        gap = 0.0
    else:
        gap = step.positions(np.array([old.times[rows - 1], later.times[0]]))[1] - 1
    if not 0 <= gap <= fill:  # NaN too: a time off the grid
        return None
    before = replace(
        old,
        times=old.times[:rows],
        values=old.values[:rows],
        lines=old.lines[:rows],
        end=rows,
        offsets=None if old.offsets is None else old.offsets[:rows],
    )
    return before, int(gap)


def join(old: Series, gap: int, later: Series, step: TimeStep) -> Series:
    """The earlier rows, a missing row for each step of the gap, and the later rows."""
    between = np.array([step.after(float(old.times[-1]), k) for k in range(1, gap + 1)])
    unknown = np.full((gap, old.values.shape[1]), np.nan)
    before = len(old.times) + gap
    return replace(
        later,
        times=np.concatenate([old.times, between, later.times]),
        values=np.concatenate([old.values, unknown, later.values]),
        lines=np.concatenate([old.lines, np.zeros(gap, np.int64), later.lines]),
        end=before + len(later) if len(later) else len(old),
        first=old.first,
        earlier=old.earlier,
        offsets=joined_offsets(old, gap, later),
    )


def joined_offsets(old: Series, gap: int, later: Series) -> np.ndarray | None:
    """The offsets of joined series; those that the earlier rows do not have are the next known one."""
    if later.offsets is None:
        return None
    earlier = old.offsets
    if earlier is None:  # the rows of a run that did not keep them
        earlier = np.full(len(old.times), later.offsets[0])
    return np.concatenate([earlier, np.full(gap, earlier[-1]), later.offsets])


def describe_continuation(
    later: SeriesTable, begins: list[int], source: str, past: Sequence[Series]
) -> str:
    """A sentence on how many series of a later table continue earlier ones."""
    continued, count = sum(map(bool, begins)), len(begins)
    end = at_the_end(later, past)
    if continued == count:
        return (
            f"{later.name} continues {source}, which ends{end}: the rows before it are its history."
        )
    verb = "continues" if continued == 1 else "continue"
    return (
        f"{continued:,} of the {count:,} series of {later.name} {verb} {source}, which ends{end}; the "
        "other series use their own first steps as history."
    )


def describe_own_history(later: SeriesTable, steps: int, source: str) -> str:
    """A sentence on a later table that continues nothing, so that its first steps are history."""
    of = f"each series of {later.name}" if later.by else later.name
    first = f"The first {counted(steps + 1, 'step of', 'steps of')} {of}"
    return f"{first} are used as history only, because {source} does not end just before."


def at_the_end(table: SeriesTable, past: Sequence[Series]) -> str:
    """Where earlier series end: " at 2024-07-18", or nothing where there are none."""
    if not past:
        return ""
    last = max(past, key=lambda old: float(old.times[len(old) - 1]))
    return f" at {table.time_of(last, len(last) - 1)}"


def last_rows(one: Series, steps: int) -> Series:
    """The last steps of a series, which a run keeps as history for later tables.

    They reach further back where a column is missing at the first of them, up to its last known
    value, which may have to fill it.

    Args:
        one: the series.
        steps: how many steps up to its last known target.
    """
    begin = max(0, len(one) - steps)
    known = [np.flatnonzero(~np.isnan(column)) for column in one.values[: begin + 1].T]
    begin = min([begin, *(int(each[-1]) for each in known if len(each))])
    return replace(
        one,
        times=one.times[begin : len(one)],
        values=one.values[begin : len(one)],
        lines=one.lines[begin : len(one)],
        end=len(one) - begin,
        offsets=None if one.offsets is None else one.offsets[begin : len(one)],
        first=float(one.values[0, 0]) if np.isnan(one.first) else one.first,
        earlier=one.earlier + begin,
    )
