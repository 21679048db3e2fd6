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
    with pytest.raises(UserError, match=r"There is no file none\.csv"):
        read_series("none.csv", TableRequest(), Problems())


def test_a_column_that_counts_the_rows_is_passed_over(read):
    head = ",date,y\n" + "".join(f"{k},2024-01-{k + 1:02},{k % 3}\n" for k in range(20))
    table = read(head)
    assert table.columns == ("y",)
    assert "Column 1, without a name, counts the rows" in table.messages[0]
    assert read(head, past="all").columns == ("y",)
    assert read(head, past="1").columns == ("y", "column 1")
    filtered = ",date,y\n7,2024-01-01,1\n9,2024-01-02,3\n4,2024-01-03,2\n"
    assert read(filtered).columns == ("y",)
    pandas = "Unnamed: 0" + head.replace("date", "id,date").replace(",2024", ",9,2024")
    assert read(pandas, target="y", past="all").columns == ("y",)
    assert read(pandas, target="y", past="id").columns == ("y", "id")


def test_covariates_that_only_grow_or_are_free_text_are_left_out(read):
    rows = [
        f"2024-{1 + k // 28:02}-{1 + k % 28:02},{k % 3},{2000 + k // 20},{k % 5},note {k}\n"
        for k in range(84)
    ]
    text = "date,y,year,x,note\n" + "".join(rows)
    table = read(text, target="y", past="all", every="row")
    assert table.columns == ("y", "x")
    assert any("year never falls and is left out" in sentence for sentence in table.messages)
    assert any("note holds 84 different words" in sentence for sentence in table.messages)
    assert read(text, target="y", past="year,x", every="row").columns == ("y", "year", "x")
