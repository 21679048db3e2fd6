import pytest

from unroll.compare.difference import describe_difference, differ


def test_means_are_told_apart_by_two_standard_errors():
    assert differ([1.0, 1.1, 0.9], [2.0, 2.1, 1.9])
    assert not differ([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    assert not differ([1.0, 1.0], [1.0, 1.0])
    # a difference of 1 with errors of 1/2 each: sqrt(1/2) = 0.71, twice that is more
    assert not differ([0.0, 1.0], [1.0, 2.0])


@pytest.mark.parametrize(("up", "sentence"), [(True, "b is better than a"), (False, "a is better")])
def test_the_best_is_the_highest_or_the_lowest(up, sentence):
    found = {"a": [1.0, 1.01], "b": [2.0, 2.01]}
    assert describe_difference(found, higher_is_better=up).startswith(sentence)


def test_one_seed_tells_nothing():
    found = {"a": [1.0], "b": [2.0, 2.1]}
    assert "One seed cannot tell" in describe_difference(found, higher_is_better=True)
