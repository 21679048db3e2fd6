"""A number and what it counts, in the right number."""

import pytest

from unroll.counting import counted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, "row"), "1 row"),
        ((0, "row"), "0 rows"),
        ((1234567, "row"), "1,234,567 rows"),
        ((1, "series is", "series are"), "1 series is"),
        ((2, "series is", "series are"), "2 series are"),
    ],
)
def test_one_and_many(arguments, words):
    assert counted(*arguments) == words
