"""A later table is read on only from rows that it follows step by step, or overlaps."""

import numpy as np
import pytest

from unroll.tasks.forecast.continuation import last_rows, rows_before
from unroll.tasks.forecast.series import Series
from unroll.tasks.forecast.time_forms import seconds_of
from unroll.tasks.forecast.times import TimeStep

NAN = np.nan
DAY, WEEKDAY, MONTH = TimeStep("second", 86_400), TimeStep("weekday", 1), TimeStep("month", 1)


def series(*times, values=None):
    at = np.array([seconds_of(time) for time in times])
    values = np.arange(1.0, len(at) + 1) if values is None else np.array(values, dtype=float)
    values = values.reshape(len(at), -1)
    return Series("", at, values, np.arange(2, len(at) + 2), len(at))


@pytest.mark.parametrize(
    ("step", "old", "begin", "fill", "expected"),
    [
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-03", 0, (2, 0)),
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-02", 0, (1, 0)),  # one row overlaps
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-01", 0, None),  # all of them
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-05", 0, None),
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-05", 2, (2, 2)),
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-06", 2, None),
        (DAY, ["2024-01-01", "2024-01-02"], "2024-01-03 12:00", 9, None),  # not on the grid
        (WEEKDAY, ["2024-01-04", "2024-01-05"], "2024-01-08", 0, (2, 0)),
        (MONTH, ["2023-12-31", "2024-01-31"], "2024-02-29", 0, (2, 0)),
        (TimeStep("second", 86_400, loose=True), ["2024-01-01"], "2024-03-01", 0, (1, 0)),
    ],
)
def test_what_a_later_series_reaches(step, old, begin, fill, expected):
    found = rows_before(series(*old), series(begin), step, fill)
    assert (found and (len(found[0]), found[1])) == expected


def test_the_last_rows_hold_what_may_fill_them_and_where_they_come_from():
    times = [f"2024-01-0{n}" for n in range(1, 8)]
    values = [[n, NAN if n in (4, 5) else -n] for n in range(1, 8)]
    kept = last_rows(series(*times, values=values), 3)
    assert kept.values[:, 0].tolist() == [3, 4, 5, 6, 7]
    assert (kept.first, kept.earlier) == (1, 2)
    again = last_rows(kept, 1)
    assert (again.first, again.earlier, len(again)) == (1, 6, 1)
