"""A table of series: its hash, its columns, its times as text."""

from dataclasses import replace

TEXT = "d,y,x,z\n2024-01-01,1,2,3\n2024-01-02,2,2,3\n2024-01-03,,,3\n"


def test_columns_by_what_is_known_when(read):
    table = read(TEXT, target="y", past="x", known="z")
    assert table.past_columns == ("x",) and table.known_columns == ("z",)
    assert (table.begin, table.end, table.steps) == ("2024-01-01", "2024-01-02", 2)


def test_the_hash_is_that_of_names_times_and_values(read):
    table = read(TEXT, target="y", past="x", known="z")
    again = read(TEXT, target="y", past="x", known="z", name="b.csv")
    assert table.sha256 == again.sha256
    other = read(TEXT.replace("2024-01-02,2", "2024-01-02,3"), target="y", past="x", known="z")
    assert len({table.sha256, other.sha256, replace(table, columns=("y", "x", "w")).sha256}) == 3
