"""Columns of times: found by content or name, one or several, and asked for otherwise."""

import pytest

from unroll.errors import UserError


def rows(head, *cells):
    return "\n".join([head, *(",".join(map(str, row)) for row in cells)]) + "\n"


def test_a_date_and_a_clock_are_joined(read):
    cells = [(f"2024-01-0{d}", f"{h:02}:00", d * h) for d in (1, 2) for h in range(24)]
    table = read(rows("d,clock,y", *cells), target="y")
    assert table.step.name == "hour" and table.time == "d,clock"
    assert (table.begin, table.end) == ("2024-01-01", "2024-01-02 23:00")
    assert any("in the columns d,clock (--time)" in sentence for sentence in table.messages)
    midnight = [(f"{day} 00:00:00", clock, y) for day, clock, y in cells]
    assert read(rows("d,clock,y", *midnight), target="y").end == "2024-01-02 23:00"
    hours = [(f"2024-01-0{d}", h, d * h) for d in (1, 2) for h in range(1, 25)]
    assert read(rows("d,hour,y", *hours), target="y").end == "2024-01-03"
    dots = [(day, f"{clock[:2]}.00.00", y) for day, clock, y in cells]
    assert read(rows("Date,Time,y", *dots), target="y").end == "2024-01-02 23:00"


def test_year_month_and_day_are_joined(read):
    months = [(2023, name, k) for k, name in enumerate(("Jan", "Feb", "Mar", "Apr"))]
    assert read(rows("year,month,y", *months), target="y").step.name == "month"
    table = read(rows("yr,mo,dd,y", (2024, 1, 31, 1), (2024, 2, 1, 2)), time="yr,mo,dd", target="y")
    assert table.end == "2024-02-01"


def test_a_year_is_found_by_its_name(read):
    table = read(rows("YEAR,spots", (1700, 5), (1701, 11), (1702, 16)), target="spots")
    assert table.time == "YEAR" and table.end == "1702" and not table.dates
    assert read(rows(",spots", (1700, 5), (1701, 11), (1702, 16))).end == "1702"
    assert "in the column YEAR (--time)" in table.messages[0]


def test_no_times_are_asked_for(read):
    with pytest.raises(UserError, match=r"among a, y \('b' is no date .*--time NAME\.$"):
        read("a,y\nb,1\nc,2\n", target="y")
    with pytest.raises(UserError, match=r"--time got 'clock'; .*d, y"):
        read("d,y\n2024-01-01,1\n2024-01-02,2\n", time="d,clock")
