"""Tables of series: what is read, and what is said of bad ones."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.series_table import Wanted, read_series


@pytest.fixture
def read(tmp_path):
    def reader(text, skip=False, name="a.csv", **wanted):
        (tmp_path / name).write_text(text)
        problems = Problems(skip)
        table = read_series(tmp_path / name, Wanted(**wanted), problems)
        return (table, problems) if skip else table

    return reader


def test_several_series_with_words_and_a_known_future(read):
    table = read(
        "store;day;y;promo;sky\n"
        "A;2024-01-02;2;0;sun\nA;2024-01-01;1;1;rain\nA;2024-01-03;3;1;sun\nA;2024-01-04;;0;\n"
        "B;2024-01-01;5;0;rain\nB;2024-01-02;6;0;rain\n",
        by="store", target="y", past="sky", known="promo",
    )  # fmt: skip
    assert table.columns == ("y", "sky", "promo") and table.ahead == 1
    assert [one.name for one in table.series] == ["A", "B"]
    a = table.series[0]
    assert len(a) == 3 and a.values.shape == (4, 3)
    assert a.values[:3, 0].tolist() == [1, 2, 3] and np.isnan(a.values[3, 0])
    assert a.lines.tolist() == [3, 2, 4, 5]
    assert table.words == {"sky": ["rain", "sun"]}
    assert a.values[:3, 1].tolist() == [0, 1, 1] and a.values[:, 2].tolist() == [1, 0, 1, 0]
    assert "not in order" in table.said[0]


def test_the_target_and_all_others_are_found(read):
    assert read("when\ty\n2024-01\t1\n2024-02\t2\n", name="a.tsv").columns == ("y",)
    table = read("d,y,b,c\n2024-01-01,1,2,3\n2024-01-02,1,2,3\n", target="3", past="all")
    assert table.columns == ("b", "y", "c")
    with pytest.raises(UserError, match=r"2 columns of numbers \(y, b\).*--target"):
        read("d,y,b\n2024-01-01,1,2\n2024-01-02,1,2\n")


GAPS = "d,y\n2024-01-01,1\n2024-01-02,2\n2024-01-05,\n2024-01-06,4\n"


def test_gaps_are_refused_with_how_many_and_where(read):
    with pytest.raises(UserError) as refused:
        read(GAPS)
    said = str(refused.value)
    assert "2 times are missing at steps of one day, the first after line 3: 2024-01-03" in said
    assert "1 value is missing, the first in line 4 (y)" in said
    assert "missing=interpolate" in said and "every=row" in said


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
    assert table.missing == 3 and "filled with the last value" in table.said[0]
    rows = read(GAPS, missing="last", every="row")
    assert len(rows.series[0]) == 4 and rows.missing == 1


def test_zeros_are_missing_where_asked(read):
    text = "d,y\n2024-01,0\n2024-02,2\n2024-03,0\n2024-04,3\n"
    table = read(text, zero_is_missing=True, missing="last")
    np.testing.assert_equal(table.series[0].values[:, 0], [2, np.nan, 3])
    assert any("1 row before the first known y" in sentence for sentence in table.said)


def test_irregular_times_are_refused(read):
    with pytest.raises(UserError, match=r"1 time is not on the grid.*line 4.*every=row"):
        read("d,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03 07:00,3\n2024-01-04,5\n2024-01-05,5\n")
    with pytest.raises(UserError, match="steps of one size"):
        read("d,y\n1,1\n2,2\n90000,4\n", time="d")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2024-01-09,x", r"line 4: y is 'x'; expected a number"),
        ("2024-01-09,inf", r"line 4: y is infinite"),
        ("2024-01-09", r"line 4: 1 cells; expected 2"),
        ("soon,3", r"line 4: the time is 'soon'; expected a date"),
        ("2024-01-02,3", r"line 4: the time 2024-01-02 stands in line 3 already"),
    ],
)
def test_bad_rows_stop_or_are_left_out(read, row, said):
    text = f"d,y\n2024-01-01,1\n2024-01-02,2\n{row}\n2024-01-03,3\n"
    with pytest.raises(UserError, match=said):
        read(text)
    table, problems = read(text, skip=True)
    assert problems.count == 1 and len(table.series[0]) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("d,y\n", "no rows below its names"),
        ("2024-01-01,3\n2024-01-02,3\n", "line 1: .*expected the different names"),
        ("a,y\nb,1\nc,2\n", "no column of dates"),
        ("d,y\n2024-01-01,a\n2024-01-02,b\n", "0 columns of numbers"),
        ("d,y\n2024-01-01,\n2024-01-02,\n", "no value of y"),
        ("d,y\n2024-01-01,1\n", "no two rows"),
    ],
)
def test_tables_without_series_are_refused(read, text, said):
    with pytest.raises(UserError, match=said):
        read(text)


def test_wrong_columns_are_named(read):
    text = "d,y\n2024-01-01,1\n2024-01-02,2\n"
    with pytest.raises(UserError, match=r"--target got 'z'.*d, y"):
        read(text, target="z")
    with pytest.raises(UserError, match="asked for twice"):
        read(text, target="y", past="y")
    with pytest.raises(UserError, match="does not exist"):
        read_series("none.csv", Wanted(), Problems())
