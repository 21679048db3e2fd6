"""Titles and comments above the names of the columns of a table."""

import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.title_rows import refuse_title

BELOW = [(3, ["day", "y"]), (4, ["2024-01-31", "5"])]


@pytest.mark.parametrize("first", [["Monthly report"], ["Report", ""], ["# made by hand", "x"]])
def test_the_line_of_the_names_is_told(first):
    with pytest.raises(UserError, match=r"they seem to be in line 3 \(day, y\)\. Remove the lines"):
        refuse_title("a.csv", 1, first, BELOW)


def test_names_are_no_title():
    refuse_title("a.csv", 1, ["day", "y"], BELOW)
    refuse_title("a.csv", 1, ["y"], [(2, ["5"]), (3, ["6"])])
