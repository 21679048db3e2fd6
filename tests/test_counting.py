import pytest

from unroll.counting import counted


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((0, "row"), "0 rows"),
        ((1, "row"), "1 row"),
        ((2, "row"), "2 rows"),
        ((12345, "row"), "12,345 rows"),
        ((1, "row is", "rows are"), "1 row is"),
        ((3, "row is", "rows are"), "3 rows are"),
    ],
)
def test_a_number_and_what_it_counts(words, expected):
    assert counted(*words) == expected
