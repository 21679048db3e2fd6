"""Ratings are numbers: how far they are off, by hand."""

import pytest

from unroll.tasks.classify.ordinal import describe_ordinal, ordinal_metrics, values_in_row

# true 1: twice right, once as 3; true 2: as 1, as 2; true 3: as 3, four times, as 1
CONFUSION = [[2, 0, 1], [1, 1, 0], [1, 0, 4]]


def test_the_mean_absolute_error_is_that_of_the_numbers():
    metrics = ordinal_metrics(CONFUSION, ["1", "2", "3"])
    assert metrics["mean_absolute_error"] == pytest.approx((2 + 1 + 2) / 10)
    assert metrics["far"] == pytest.approx(2 / 10)
    assert metrics["median"] == 2  # three ones, two twos, five threes: the fifth is a two
    assert metrics["median_error"] == pytest.approx((3 + 5) / 10)
    (sentence,) = describe_ordinal(metrics)
    assert (
        "mean absolute error 0.500 (always 2: 0.800); 20.00% are off by more than one" in sentence
    )


def test_classes_in_another_order_are_the_same_numbers():
    swapped = [[CONFUSION[a][b] for b in (2, 0, 1)] for a in (2, 0, 1)]
    assert ordinal_metrics(swapped, ["3", "1", "2"]) == ordinal_metrics(CONFUSION, ["1", "2", "3"])


@pytest.mark.parametrize(
    "labels", [["a", "b", "c"], ["1", "3", "5"], ["0", "1"], ["1", "2", "2.5"]]
)
def test_other_labels_are_no_numbers_in_a_row(labels):
    assert values_in_row(labels) is None
    assert ordinal_metrics([[1] * len(labels)] * len(labels), labels) is None
    assert describe_ordinal(None) == []
