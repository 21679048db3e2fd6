"""Which tokens a vocabulary of limited size keeps."""

from unroll.data.vocabulary import as_json, most_frequent

COUNTS = {"b": 3, "a": 3, "c": 5, "d": 1}


def test_the_most_frequent_come_first_and_ties_go_by_name():
    assert list(most_frequent(COUNTS, 1, None)) == ["c", "a", "b", "d"]
    assert list(most_frequent(COUNTS, 2, 2)) == ["c", "a"]
    assert list(most_frequent(COUNTS, 9, None)) == []


def test_half_of_a_surrogate_pair_can_be_kept():
    (content,) = as_json("char", characters="a\ud800").values()
    assert content.decode("utf-8", "surrogatepass").count("\ud800") == 1
