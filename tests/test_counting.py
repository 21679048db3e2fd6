import pytest

from unroll.counting import counted, listed, ratio_in_words


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


def test_a_ratio_of_many_digits_is_a_power_of_ten():
    assert ratio_in_words(3.14159, 3) == "3.142" and ratio_in_words(1e9) == "1e+09"
    assert ratio_in_words(float("inf")) == "infinite"
