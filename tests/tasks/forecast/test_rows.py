"""Rows: a bad row stops with its line, or is skipped."""

import pytest

from unroll.errors import UserError


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2024-01-09,x", r"line 4: y is 'x'; expected a number"),
        ("2024-01-09,inf", r"line 4: y is infinite"),
        ("2024-01-09", r"line 4: 1 cells; expected 2"),
        ("soon,3", r"line 4: the time is 'soon'; expected a date"),
        ("2024-01-02,3", r"line 4: the time 2024-01-02 is already in line 3"),
    ],
)
def test_bad_rows_stop_or_are_skipped(read, row, sentence):
    text = f"d,y\n2024-01-01,1\n2024-01-02,2\n{row}\n2024-01-03,3\n"
    with pytest.raises(UserError, match=sentence):
        read(text)
    table, problems = read(text, skip=True)
    assert problems.count == 1 and len(table.series[0]) == 3
