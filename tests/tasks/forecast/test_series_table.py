"""Tables of series: what is read, and which tables are refused."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.series_table import known_series


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
    assert "not in order" in table.messages[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
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
def test_tables_without_series_are_refused(read, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read(text)


def test_decimal_commas_are_found_for_the_whole_table(read):
    table = read("d;y;x\n2024-01-01;18,50;1.029\n2024-01-02;25,41;998\n", target="y", past="x")
    assert table.series[0].values.tolist() == [[18.5, 1029], [25.41, 998]]
    assert any("decimal comma, 18,50 as 18.5" in sentence for sentence in table.messages)
    quoted = read('d,y\n2024-01-01,"15,79"\n2024-01-02,"(1.015,79)"\n')
    assert quoted.series[0].values[:, 0].tolist() == [15.79, -1015.79]
    with pytest.raises(
        UserError, match=r"line 2: 1.029 is 1029 if its point stands between thousands"
    ):
        read("d;y\n2024-01-01;1.029\n2024-01-02;998\n")
    with pytest.raises(UserError, match="between thousands"):
        read("d;y\n2024-01-01;1.029\n2024-01-02;1.044\n")
    assert read("d,y\n2024-01-01,1.029\n2024-01-02,1.044\n").series[0].values[0, 0] == 1.029


def test_dates_that_are_not_iso_are_said(read):
    table = read("d,y\n5-Jan-23,1\n6-Jan-23,2\n")
    assert (table.begin, table.time_form) == ("2023-01-05", "%d-%b-%y")
    assert "5-Jan-23 is 2023-01-05; two digits of a year are 1941 to 2040" in table.messages[0]


def test_a_row_without_the_name_of_its_series_is_bad(read):
    text = "store,d,y\nA,2024-01-01,1\n,2024-01-01,5\nA,2024-01-02,2\n"
    with pytest.raises(UserError, match=r"line 3: no store; expected the name of the series"):
        read(text, by="store", target="y")


def test_series_of_the_same_number_are_one(read):
    text = "store,d,y\n1.0,2024-01-01,1\n2.0,2024-01-01,5\n1.0,2024-01-02,2\n2.0,2024-01-02,2\n"

    def names(**known):
        return [s.name for s in read(text, by="store", target="y", **known).series]

    assert names() == ["1.0", "2.0"] and names(series=("1", "2")) == ["1", "2"]
    assert names(series=("1", "b")) == ["1.0", "2.0"]
    assert known_series(["1", "1.0", "b"]) == {"1": "1", "1.0": "1.0", "b": "b"}
    assert known_series(["1", "1.0", "07"])["1.0"] == "1"
