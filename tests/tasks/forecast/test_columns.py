"""Columns: found by name, number or content; wrong ones are named."""

import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.forecast.columns import TableRequest
from unroll.tasks.forecast.series_table import read_series


def test_the_target_and_all_others_are_found(read):
    assert read("when\ty\n2024-01\t1\n2024-02\t2\n", name="a.tsv").columns == ("y",)
    table = read("d,y,b,c\n2024-01-01,1,2,3\n2024-01-02,1,2,3\n", target="3", past="all")
    assert table.columns == ("b", "y", "c")
    with pytest.raises(UserError, match=r"2 columns of numbers \(y, b\).*--target"):
        read("d,y,b\n2024-01-01,1,2\n2024-01-02,1,2\n")


def test_wrong_columns_are_named(read):
    text = "d,y\n2024-01-01,1\n2024-01-02,2\n"
    with pytest.raises(UserError, match=r"--target got 'z'.*d, y"):
        read(text, target="z")
    with pytest.raises(UserError, match="asked for twice"):
        read(text, target="y", past="y")
    with pytest.raises(UserError, match="does not exist"):
        read_series("none.csv", TableRequest(), Problems())
