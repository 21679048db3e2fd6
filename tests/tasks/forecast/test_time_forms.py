"""How times are written: found for the whole column, asked for where the day may be the month."""

import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.time_forms import (
    asked_form,
    find_time_form,
    seconds_of,
)
from unroll.tasks.forecast.times import format_time


def shown(moment):
    return format_time(moment.clock, True, moment.offset)


@pytest.mark.parametrize(
    ("cells", "form", "first"),
    [
        (["Jan 05, 2023", "Jan 06, 2023"], "%b %d, %Y", "2023-01-05"),
        (["Jan 1 2000"], "%b %d %Y", "2000-01-01"),
        (["5-Jan-23"], "%d-%b-%y", "2023-01-05"),
        (["January 2023", "February 2023"], "%B %Y", "2023-01-01"),
        (["Jan-49", "Feb-49"], "%b-%y", "1949-01-01"),
        (["Thu, 05 Jan 2023 13:00:00"], "%a, %d %b %Y %H:%M:%S", "2023-01-05 13:00"),
        (["Thu Jan  5 13:00:00 2023"], "%a %b  %d %H:%M:%S %Y", "2023-01-05 13:00"),
        (["5. März 2023"], "%d. %b %Y", "2023-03-05"),
        (["15 de marzo de 2023"], "%d de %B de %Y", "2023-03-15"),
        (["3/4/2024", "17/4/2024"], "%d/%m/%Y", "2024-04-03"),
        (["3/14/2024", "4/5/2024 13:00"], "%m/%d/%Y", "2024-03-14"),
        (["03.04.2024 10:00"], "%d.%m.%Y %H:%M", "2024-04-03 10:00"),
        (["31-12-2023", "1-1-2024"], "%d-%m-%Y", "2023-12-31"),
        (["1/31/23 1:00 PM", "2/1/23 1:00 PM"], "%m/%d/%y %I:%M %p", "2023-01-31 13:00"),
        (["Q3 2023"], "Q3 %Y", "2023-07-01"),
        (["01/2023", "02/2023"], "%m/%Y", "2023-01-01"),
        (["202301", "202302"], "%Y%m", "2023-01-01"),
        (["2023010100", "2023010101"], "%Y%m%d%H", "2023-01-01"),
        (["1667602800", "1667606400"], "epoch", "2022-11-04 23:00+00:00"),
        (["1667602800000", "1667606400000"], "epoch_ms", "2022-11-04 23:00+00:00"),
    ],
)  # fmt: skip
def test_other_forms_are_found_in_the_column(cells, form, first):
    found = find_time_form(cells, None, "a.csv, day")
    assert found.name == form and shown(found.read(cells[0])) == first
    assert all(found.fits(cell) for cell in cells)


def test_plain_numbers_stay_numbers():
    for cells in (["1749", "1750"], ["1949.083"], ["0", "1"]):
        found = find_time_form(cells, None, "a.csv, t")
        assert found.name == "number" and found.read(cells[0]).clock == float(cells[0])
    assert find_time_form(["soon", "later"], None, "a.csv, t") is None


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["3/4/2024"], r"with the day or with the month.*%d/%m/%Y or --set time_format=%m/%d/%Y"),
        (["23/01/31", "23/02/01"], r"the day or with the year.*time_format=%y/%m/%d"),
        (["13/01/2023", "01/13/2023"], r"not the same everywhere: 13/01/2023 and 01/13/2023"),
        (["Jan 01", "Jan 02", "Jan 03"], r"Jan 01 seems to be a day without its year"),
    ],
)
def test_what_a_column_does_not_tell_is_asked(cells, sentence):
    with pytest.raises(UserError, match=sentence) as asked:
        find_time_form(cells, None, "a.csv, day")
    assert len(str(asked.value)) < 300 and "time_format" in str(asked.value)


def test_a_run_knows_the_order_that_a_later_table_does_not_tell():
    assert find_time_form(["3/4/2024"], None, "a", like="%m/%d/%Y").name == "%m/%d/%Y"
    assert find_time_form(["17/4/2024"], None, "a", like="%m/%d/%Y").name == "%d/%m/%Y"


def test_dates_that_are_the_same_in_either_order_are_not_asked():
    found = find_time_form(["1/1/1990", "1/1/1991"], None, "a.csv, day")
    assert shown(found.read("1/1/1991")) == "1991-01-01"


def test_one_odd_date_does_not_decide():
    cells = [f"{day}/1/2023" for day in range(1, 32)] * 2 + ["1/13/2023"]
    found = find_time_form(cells, None, "a.csv, day")
    assert found.name == "%d/%m/%Y" and not found.fits("1/13/2023")


def test_a_form_that_is_asked_for_is_taken():
    assert shown(asked_form("%d/%m/%Y", "a").read("3/4/2024 10:00")) == "2024-04-03 10:00"
    assert seconds_of("3/4/2024", "%d/%m/%Y") == seconds_of("2024-04-03")
    with pytest.raises(UserError, match="not a form of dates; expected directives such as"):
        asked_form("DD/MM/YYYY", "a.csv, day")
