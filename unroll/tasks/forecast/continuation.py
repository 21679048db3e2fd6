"""A later table, read on from the last rows before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.series_table import Series, SeriesTable
from unroll.tasks.forecast.times import Step


@dataclass(frozen=True)
class ReadOn:
    """A later table whose series begin with `begins` steps of another one, only to be read; 0 where
    they stand alone. said: in sentences."""

    table: SeriesTable
    begins: list[int]
    said: tuple[str, ...]


def read_on(
    later: SeriesTable, past: Sequence[Series], where: str, fill: int, problems: Problems
) -> ReadOn:
    """The later series, with the past rows of the same name before them.

    past: their words have the numbers that the later table's have. where: what they are of. fill:
    how many steps may be missing between; they are filled as any others.

    A later series that does not begin with the step after past rows, whatever comes after these,
    stays as it is. One without a known target, but with what is known of the future, is then bad.
    """
    named: dict[str, list[Series]] = {}
    for old in past:
        named.setdefault(old.name, []).append(old)
    joined, begins, missing = [], [], 0
    for one in later.series:
        own = named.get(one.name, [])
        reaching = [
            found for old in own if (found := reach(old, one, later.step, fill)) is not None
        ]
        if reaching:
            old, gap = min(reaching, key=lambda found: (found[1], -len(found[0].times)))
            joined.append(both(old, gap, one, later.step))
            begins.append(len(old.times) + gap)
            missing += gap
        elif len(one):
            joined.append(one)
            begins.append(0)
        else:
            of = f" of the series {one.name}" if one.name else ""
            problems.bad(
                f"{later.name}: no value of {later.columns[0]}{of}; expected some, or times that go on "
                f"where {where} ends{ends(later, own)}."
            )
    if not joined:
        raise UserError(problems.with_messages(f"{later.name} has no value of {later.columns[0]}."))
    said = [in_words(later, begins, where, past)] if any(begins) else []
    if missing:
        said.append(
            f"{counted(missing, 'time is', 'times are')} missing between {where} and {later.name}; "
            "filled as the others are (--set missing=...)."
        )
    return ReadOn(replace(later, series=tuple(joined)), begins, tuple(said))


def reach(old: Series, one: Series, step: Step, fill: int) -> tuple[Series, int] | None:
    """The rows of an old series before a later one, and how many steps are missing between."""
    n = int(np.searchsorted(old.times[: len(old)], one.times[0]))
    if not n:
        return None
    gap = 0.0 if step.loose else step.positions(np.array([old.times[n - 1], one.times[0]]))[1] - 1
    if not 0 <= gap <= fill:  # nor a time that is none of the grid
        return None
    return replace(
        old, times=old.times[:n], values=old.values[:n], lines=old.lines[:n], end=n
    ), int(gap)


def both(old: Series, gap: int, one: Series, step: Step) -> Series:
    between = np.array([step.after(float(old.times[-1]), k) for k in range(1, gap + 1)])
    unknown = np.full((gap, old.values.shape[1]), np.nan)
    before = len(old.times) + gap
    return replace(
        one,
        times=np.concatenate([old.times, between, one.times]),
        values=np.concatenate([old.values, unknown, one.values]),
        lines=np.concatenate([old.lines, np.zeros(gap, np.int64), one.lines]),
        end=before + len(one) if len(one) else len(old),
        first=old.first,
        earlier=old.earlier,
    )


def in_words(later: SeriesTable, begins: list[int], where: str, past: Sequence[Series]) -> str:
    on, count = sum(map(bool, begins)), len(begins)
    if on == count:
        return (
            f"{later.name} is read on from the rows before it, of {where}, which ends"
            f"{ends(later, past)}."
        )
    return (
        f"{on:,} of the {count:,} series of {later.name} {'is' if on == 1 else 'are'} read on from the "
        f"rows before, of {where}, which ends{ends(later, past)}; the others read their own first "
        "steps."
    )


def own_history(later: SeriesTable, steps: int, where: str) -> str:
    """What to say of a table that stands alone in a backtest."""
    of = f"each series of {later.name}" if later.by else later.name
    first = f"The first {counted(steps + 1, 'step of', 'steps of')} {of}"
    return f"{first} are only read, as history: {where} does not end just before."


def ends(table: SeriesTable, past: Sequence[Series]) -> str:
    """At what time."""
    if not past:
        return ""
    return f" at {table.at(max(float(old.times[len(old) - 1]) for old in past))}"


def last_rows(one: Series, steps: int) -> Series:
    """The last `steps` steps of a series up to its last known target, and as many more as the last
    known value of each column lies before them, which may have to fill them."""
    begin = max(0, len(one) - steps)
    known = [np.flatnonzero(~np.isnan(column)) for column in one.values[: begin + 1].T]
    begin = min([begin, *(int(each[-1]) for each in known if len(each))])
    return replace(
        one,
        times=one.times[begin : len(one)],
        values=one.values[begin : len(one)],
        lines=one.lines[begin : len(one)],
        end=len(one) - begin,
        first=float(one.values[0, 0]) if np.isnan(one.first) else one.first,
        earlier=one.earlier + begin,
    )
