import pytest

from unroll.counting import counted, listed


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


def test_a_list_of_names_is_as_long_as_a_sentence_can_bear():
    assert listed(["a", "b"]) == "a, b"
    assert listed([]) == ""
    many = listed([f"column {k}" for k in range(2000)])
    assert len(many) < 130 and many.endswith(" more")
    assert listed(["x" * 5000, "y"]) == "x" * 39 + "…, y"
