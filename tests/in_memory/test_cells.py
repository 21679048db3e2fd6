import datetime
from decimal import Decimal

import numpy as np
import pandas
import pytest

from unroll.errors import UserError
from unroll.in_memory.cells import (
    as_list,
    column_of_text,
    holds_times,
    is_missing,
    needs_json,
    with_decimal_point,
)


def test_numbers_keep_every_digit():
    cells = [0.1, 1 / 3, 1e300, 5, True, np.float32(0.1), np.int64(3), Decimal("1.10")]
    told = column_of_text(cells, "x")
    assert told == ["0.1", repr(1 / 3), "1e+300", "5", "True", "0.1", "3", "1.10"]


@pytest.mark.parametrize(
    "cell", [None, float("nan"), np.nan, pandas.NA, pandas.NaT, np.datetime64("NaT")]
)
def test_every_missing_value_is_an_empty_cell(cell):
    assert is_missing(cell)
    assert column_of_text([cell, "a"], "x") == ["", "a"]


def test_dates_stand_alone_where_no_clock_does():
    days = pandas.date_range("2024-01-30", periods=2).to_list()
    assert column_of_text(days, "x") == ["2024-01-30", "2024-01-31"]
    hours = pandas.date_range("2024-01-30", periods=2, freq="h").to_list()
    assert column_of_text(hours, "x") == ["2024-01-30 00:00:00", "2024-01-30 01:00:00"]
    numpy_days = [np.datetime64("2024-01-30"), datetime.date(2024, 1, 31)]
    assert column_of_text(numpy_days, "x") == ["2024-01-30", "2024-01-31"]
    assert column_of_text([np.datetime64("2024-01-30T05")], "x") == ["2024-01-30 05:00"]


def test_an_offset_is_kept():
    time = pandas.Timestamp("2024-01-30", tz="Europe/Berlin")
    assert column_of_text([time], "x") == ["2024-01-30 00:00:00+01:00"]


def test_lists_stay_lists_for_json():
    (told,) = column_of_text([["a", np.int64(1), None, np.float32(0.1)]], "x")
    assert told == ["a", 1, None, 0.1]
    assert needs_json([[told]]) and not needs_json([["a"]])
    assert as_list(np.array([1, 2])) == [1, 2]


def test_what_no_file_holds_is_refused_with_its_row():
    with pytest.raises(UserError, match=r"Column x, row 1: a value of type complex"):
        column_of_text([1, 1j], "Column x")


def test_a_float_of_three_decimals_is_no_thousand():
    assert [with_decimal_point(cell) for cell in (1.029, 998, "1.029", None, 1.5, -12.125)] == [
        "1.0290", 998, "1.029", None, "1.5", "-12.1250",
    ]  # fmt: skip
    assert float("1.0290") == 1.029
    assert holds_times([None, "2024-01-31"]) and not holds_times(["a", "2024-01-31"])
