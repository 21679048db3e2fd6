"""Dates in cells: what each tells, and directives that people may write for it."""

import pytest

from unroll.tasks.forecast.date_patterns import example_format, format_advice, read_iso
from unroll.tasks.forecast.times import format_time


def shown(moment):
    return format_time(moment.clock, True, moment.offset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", "2024-02-29"), ("2024-02", "2024-02-01"), ("2024Q3", "2024-07-01"),
        ("2024-02-29 13:05", "2024-02-29 13:05"), ("2024/02/29", "2024-02-29"),
        ("2024-2-9", "2024-02-09"), ("2024.2.9", "2024-02-09"), ("2024. 2. 9.", "2024-02-09"),
        ("2024/2/9 3:07 PM", "2024-02-09 15:07"), ("2024-02-29 24:00", "2024-03-01"),
        ("2024M02", "2024-02-01"), ("2024-W05", "2024-01-29"), ("20240229", "2024-02-29"),
        ("2024年2月9日", "2024-02-09"), ("2024-02-29T13:05:09+01:00", "2024-02-29 13:05:09+01:00"),
        ("2024-02-29T13:05Z", "2024-02-29 13:05+00:00"),
        ("2024-02-29 13:05 CET", "2024-02-29 13:05+01:00"),
        ("2024-02-29T13:05-05:00[America/New_York]", "2024-02-29 13:05-05:00"),
    ],
)  # fmt: skip
def test_dates_that_begin_with_the_year_are_read(text, expected):
    assert shown(read_iso(text)) == expected


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("Jan 1 2000", "%b %d %Y"), ("5|1|2023 3:00 PM", "%d|%m|%Y %I:%M %p"),
        ("2023~01~05", "%Y~%m~%d"), ("soon", "%Y-%m-%d"),
    ],
)  # fmt: skip
def test_errors_show_a_form_of_the_cell_itself(text, format):
    assert example_format(text) == format


def test_only_what_may_be_a_date_is_advised():
    assert format_advice("31~12~2023") == "--set time_format='%d~%m~%Y'"
    for text in ("FY22 W01", "20240121x", "Total", "soon", ""):
        assert format_advice(text) == "", text
