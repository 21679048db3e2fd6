"""Series on their grid: gaps are counted, refused or left open, and irregular times refused."""

import numpy as np
import pytest

from unroll.errors import UserError

GAPS = "d,y\n2024-01-01,1\n2024-01-02,2\n2024-01-05,\n2024-01-06,4\n"


def test_gaps_are_refused_with_how_many_and_where(read):
    with pytest.raises(UserError) as refused:
        read(GAPS)
    sentence = str(refused.value)
    assert "2 times are missing at steps of one day, the first after line 3: 2024-01-03" in sentence
    assert "1 value is missing, the first in line 4 (y)" in sentence
    assert "missing=interpolate" in sentence and "every=row" in sentence


def test_gaps_stand_open_where_they_may(read):
    table = read(GAPS, missing="last")
    assert np.isnan(table.series[0].values[:, 0]).tolist() == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert table.series[0].lines.tolist() == [2, 3, 0, 0, 4, 5]
    assert table.missing == 3 and "filled with the last value" in table.messages[0]
    rows = read(GAPS, missing="last", every="row")
    assert len(rows.series[0]) == 4 and rows.missing == 1


def test_zeros_are_missing_where_asked(read):
    text = "d,y\n2024-01,0\n2024-02,2\n2024-03,0\n2024-04,3\n"
    table = read(text, zero_is_missing=True, missing="last")
    np.testing.assert_equal(table.series[0].values[:, 0], [2, np.nan, 3])
    assert any("1 row before the first known y" in sentence for sentence in table.messages)


def test_irregular_times_are_refused(read):
    with pytest.raises(UserError, match=r"1 time is not on the grid.*line 4.*every=row"):
        read("d,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03 07:00,3\n2024-01-04,5\n2024-01-05,5\n")
    with pytest.raises(UserError, match="steps of one size"):
        read("d,y\n1,1\n2,2\n90000,4\n", time="d")


@pytest.mark.parametrize("odd", ["2025-01-07", "2042-01-07", "2014-01-07"])
def test_one_time_far_from_all_others_is_told_before_what_is_missing(read, odd):
    rows = [f"2024-01-{k + 1:02d},{k}" for k in range(20)]
    rows[6] = f"{odd},6"
    with pytest.raises(UserError) as refused:
        read("d,y\n" + "\n".join(rows) + "\n")
    assert f"line 8: the time is {odd}, far from all others" in str(refused.value)
    assert "missing=" not in str(refused.value)


def test_a_skipped_row_is_told_as_the_cause_of_what_is_missing(read):
    rows = [f"2024-01-{k + 1:02d},{k}" for k in range(20)]
    rows[6] = "2024-01-07,abc"
    with pytest.raises(UserError) as refused:
        read("d,y\n" + "\n".join(rows) + "\n", skip=True)
    assert "1 bad row is skipped, so 1 time is missing" in str(refused.value)
    assert "correct the rows" in str(refused.value) and "y is 'abc'" in str(refused.value)
